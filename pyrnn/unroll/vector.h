// Vectors as wide as the registers: loads and stores, matrix products, activations.
//
// Only the compiler's vector types are used, so that one source serves every instruction set.
// Functions are accurate to 1-2 units in the last place, and NaN passes through all of them.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

namespace {

using Index = std::int64_t;

template <class T> struct Format;
template <> struct Format<float> {
  typedef float Vector __attribute__((vector_size(kVectorBytes)));
  typedef std::int32_t Bits __attribute__((vector_size(kVectorBytes)));
  static constexpr int kTerms = 7, kLogTerms = 7, kMantissa = 23, kBias = 127;
  static constexpr float kLowest = -87.0f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
};
template <> struct Format<double> {
  typedef double Vector __attribute__((vector_size(kVectorBytes)));
  typedef std::int64_t Bits __attribute__((vector_size(kVectorBytes)));
  static constexpr int kTerms = 13, kLogTerms = 17, kMantissa = 52, kBias = 1023;
  static constexpr double kLowest = -708.0, kLn2High = 0.693147180369123816490,
                          kLn2Low = 1.90821492927058770002e-10;
};

template <class T> using Vector = typename Format<T>::Vector;
template <class T> constexpr Index kLanes = kVectorBytes / sizeof(T);

template <class T> inline Vector<T> load(const T* from) {
  Vector<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class T> inline void store(T* to, Vector<T> v) { std::memcpy(to, &v, sizeof v); }
// Zero at first, and aligned: a vector that crosses a cache line takes twice as long to load.
template <class T> class Array {
  struct alignas(kVectorBytes) Cell {
    T lanes[kLanes<T>] = {};
  };
  std::vector<Cell> cells;

 public:
  explicit Array(Index size = 0) : cells((size + kLanes<T> - 1) / kLanes<T>) {}
  T* data() { return reinterpret_cast<T*>(cells.data()); }
  const T* data() const { return reinterpret_cast<const T*>(cells.data()); }
  T& operator[](Index i) { return data()[i]; }
  const T& operator[](Index i) const { return data()[i]; }
};

template <class T> inline Vector<T> all(T value) { return value - Vector<T>{}; }

// ---------------------------------------------------------------------------- matrix products

// c (R rows x V vectors) = [c +] a (R x n) b (n x V vectors), all in registers. Each product waits
// for the one before it: if there are few sums, U parts of each are computed at a time.
template <class T, int R, int V, int U = 1>
void block(Index n, const T* a, Index a_row, Index a_step, const T* b, Index b_step, T* c,
           Index c_row, bool add) {
  Vector<T> sum[U][R][V];
#pragma GCC unroll 4
  for (int u = 0; u < U; ++u)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[u][r][v] = Vector<T>{};
  for (Index i = 0; i < n; i += U, a += U * a_step, b += U * b_step) {
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u) {
      if (u > 0 && i + u >= n) break;
      Vector<T> row[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) row[v] = load(b + u * b_step + v * kLanes<T>);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Vector<T> factor = all(a[r * a_row + u * a_step]);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) sum[u][r][v] += factor * row[v];
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      T* to = c + r * c_row + v * kLanes<T>;
      Vector<T> total = sum[0][r][v];
#pragma GCC unroll 4
      for (int u = 1; u < U; ++u) total += sum[u][r][v];
      store<T>(to, add ? load(to) + total : total);
    }
}

template <class T, int V>
void column(Index m, Index n, const T* a, Index a_row, Index a_step, const T* b, Index b_step,
            T* c, Index c_row, bool add) {
  for (; m >= 8; m -= 8, a += 8 * a_row, c += 8 * c_row)
    block<T, 8, V>(n, a, a_row, a_step, b, b_step, c, c_row, add);
  for (; m >= 4; m -= 4, a += 4 * a_row, c += 4 * c_row)
    block<T, 4, V>(n, a, a_row, a_step, b, b_step, c, c_row, add);
  for (; m >= 1; m -= 1, a += a_row, c += c_row)
    block<T, 1, V>(n, a, a_row, a_step, b, b_step, c, c_row, add);
}

// c (m x width) = [c +] a (m x n) b (n x width); a is read at a[row * a_row + i * a_step].
template <class T>
void multiply(Index m, Index n, Index width, const T* a, Index a_row, Index a_step, const T* b,
              Index b_step, T* c, Index c_row, bool add) {
  constexpr decltype(&column<T, 1>) columns[] = {column<T, 1>, column<T, 2>, column<T, 3>};
  constexpr decltype(&block<T, 1, 1, 2>) rows[] = {
      block<T, 1, 1, 2>, block<T, 1, 2, 2>, block<T, 1, 3, 2>, block<T, 1, 4, 2>,
      block<T, 1, 5, 2>, block<T, 1, 6, 2>, block<T, 1, 7, 2>, block<T, 1, 8, 2>};
  for (Index left = (width + kLanes<T> - 1) / kLanes<T>; left > 0;) {
    const Index v = m == 1 ? std::min<Index>(left, 8) : left == 4 ? 2 : std::min<Index>(left, 3);
    if (m == 1) rows[v - 1](n, a, a_row, a_step, b, b_step, c, c_row, add);
    else columns[v - 1](m, n, a, a_row, a_step, b, b_step, c, c_row, add);
    left -= v, b += v * kLanes<T>, c += v * kLanes<T>;
  }
}

// -------------------------------------------------------------------------------- activations

struct Series {  // coefficients of exp(x) and of atanh(x) / x in x^2
  double exp[20] = {}, atanh[20] = {};
  constexpr Series() {
    double factorial = 1;
    for (int n = 0; n < 20; factorial *= ++n) {
      exp[n] = 1 / factorial;
      atanh[n] = 1.0 / (2 * n + 1);
    }
  }
};
constexpr Series kSeries;

template <class T> struct Exponential {  // exp(x) = scale (1 + rest), scale a power of two
  Vector<T> scale, rest;
  Vector<T> exp() const { return scale + scale * rest; }
  Vector<T> expm1() const { return scale * rest + (scale - T(1)); }
};

// For x <= 0: with x = k ln 2 + r, scale = 2^k and rest = exp(r) - 1 by its Taylor series.
template <class T> inline Exponential<T> exponential(Vector<T> x) {
  using F = Format<T>;
  constexpr T magic = T(3) * (Index(1) << (F::kMantissa - 1));  // adding it rounds to integers
  x = x < F::kLowest ? all(F::kLowest) : x;
  const Vector<T> shifted = x * T(1.4426950408889634) + magic, k = shifted - magic;
  const Vector<T> r = (x - k * F::kLn2High) - k * F::kLn2Low;
  const auto bits = ((typename F::Bits)shifted + F::kBias) << F::kMantissa;
  Vector<T> sum = all(T(kSeries.exp[F::kTerms]));
  for (int n = F::kTerms - 1; n > 0; --n) sum = sum * r + T(kSeries.exp[n]);
  return {(Vector<T>)bits, sum * r};
}

template <class T> inline Vector<T> tanh(Vector<T> x) {  // (1 - e) / (1 + e), e = exp(-2|x|)
  const Vector<T> e = exponential<T>(x < 0 ? 2 * x : -2 * x).expm1(), y = e / (e + T(2));
  return x < 0 ? y : -y;
}

template <class T> inline Vector<T> log1p(Vector<T> x) {  // 2 atanh(x / (2 + x)), 0 <= x <= 1
  const Vector<T> s = x / (x + T(2)), s2 = s * s;
  Vector<T> sum = all(T(kSeries.atanh[Format<T>::kLogTerms]));
  for (int n = Format<T>::kLogTerms - 1; n >= 0; --n) sum = sum * s2 + T(kSeries.atanh[n]);
  return 2 * s * sum;
}

template <class T> inline Vector<T> erf(Vector<T> x) {
  for (Index lane = 0; lane < kLanes<T>; ++lane) x[lane] = std::erf(x[lane]);
  return x;
}

template <class T> inline Vector<T> sqrt(Vector<T> x) {
  for (Index lane = 0; lane < kLanes<T>; ++lane) x[lane] = std::sqrt(x[lane]);
  return x;
}

enum class Activation : Index { kTanh, kRelu, kSoftplus, kSigmoid, kRetanh, kGelu, kIdentity };

template <class T> struct Response {
  Vector<T> value, slope;
};

template <class T, Activation A> inline Response<T> respond(Vector<T> x) {
  const Vector<T> zero = {}, one = all(T(1));
  if constexpr (A == Activation::kTanh) {
    const Vector<T> y = tanh<T>(x);
    return {y, one - y * y};
  } else if constexpr (A == Activation::kRetanh) {
    const Vector<T> y = tanh<T>(x);
    return {x < 0 ? zero : y, x > 0 ? one - y * y : zero};
  } else if constexpr (A == Activation::kRelu) {
    return {x < 0 ? zero : x, x > 0 ? one : zero};
  } else if constexpr (A == Activation::kIdentity) {
    return {x, one};
  } else if constexpr (A == Activation::kGelu) {
    const Vector<T> share = T(0.5) + T(0.5) * erf<T>(x * T(0.7071067811865476));
    const Vector<T> e = exponential<T>(T(-0.5) * x * x).exp();
    return {x * share, share + x * e * T(0.3989422804014327)};
  } else {
    const Vector<T> e = exponential<T>(x < 0 ? x : -x).exp();
    const Vector<T> sigmoid = (x < 0 ? e : one) / (one + e);
    if constexpr (A == Activation::kSigmoid) return {sigmoid, sigmoid * (one - sigmoid)};
    const auto large = x > T(20);  // where softplus is linear in torch, too
    return {large ? x : (x < 0 ? zero : x) + log1p<T>(e), large ? one : sigmoid};
  }
}

template <class T, Activation A> void respond_all(const T* x, T* value, T* slope, Index n) {
  for (Index i = 0; i < n; i += kLanes<T>) {
    const Response<T> response = respond<T, A>(load(x + i));
    store(value + i, response.value);
    if (slope) store(slope + i, response.slope);
  }
}

// value = f(x), and slope = f'(x) unless it is null, for n numbers, rounded up to whole vectors.
template <class T> void respond(Activation f, const T* x, T* value, T* slope, Index n) {
  switch (f) {
    case Activation::kTanh: return respond_all<T, Activation::kTanh>(x, value, slope, n);
    case Activation::kRelu: return respond_all<T, Activation::kRelu>(x, value, slope, n);
    case Activation::kSoftplus: return respond_all<T, Activation::kSoftplus>(x, value, slope, n);
    case Activation::kSigmoid: return respond_all<T, Activation::kSigmoid>(x, value, slope, n);
    case Activation::kRetanh: return respond_all<T, Activation::kRetanh>(x, value, slope, n);
    case Activation::kGelu: return respond_all<T, Activation::kGelu>(x, value, slope, n);
    case Activation::kIdentity: return respond_all<T, Activation::kIdentity>(x, value, slope, n);
  }
}

}  // namespace
