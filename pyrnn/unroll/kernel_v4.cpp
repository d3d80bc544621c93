#include "kernel.cpp"  // built for x86-64-v4, see setup.py
