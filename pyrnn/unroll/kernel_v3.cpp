#include "kernel.cpp"  // built for x86-64-v3, see setup.py
