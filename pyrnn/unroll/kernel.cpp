// The entry points of the kernel: what fused.py, train.py and _compiled.py of dynamics call.

#include "newton.h"
#include "train.h"

extern "C" {
Index arguments_size() { return sizeof(Problem) + sizeof(Member) + sizeof(Starts); }
Index instruction_sets() {  // those this machine has: bit 0 for x86-64-v3, bit 1 for v4
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  return v3 + 2 * v4;
#else
  return 0;
#endif
}
void forward_float32(const Problem* p) { Network<float>(*p).forward(); }
void forward_float64(const Problem* p) { Network<double>(*p).forward(); }
void backward_float32(const Problem* p) { Network<float>(*p).backward(); }
void backward_float64(const Problem* p) { Network<double>(*p).backward(); }
void train_float32(Member* const* members, Index count, Index threads) {
  train<float>(members, count, threads);
}
void train_float64(Member* const* members, Index count, Index threads) {
  train<double>(members, count, threads);
}
Index newton_float32(const Starts* starts) { return Newton<float>::iterate(*starts); }
Index newton_float64(const Starts* starts) { return Newton<double>::iterate(*starts); }
void settle_float32(const Starts* starts) { Newton<float>::settle(*starts); }
void settle_float64(const Starts* starts) { Newton<double>::settle(*starts); }
}
