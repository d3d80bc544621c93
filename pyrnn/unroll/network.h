// A recurrent network over a sequence, and its adjoint, each in one call.
//
// Let p be the transmitted rates, and z_t = (p_{t-1}, 1, x_t). The whole network is a matrix M:
//
//     ( a_t, y_{t-1} ) = M z_t,    M = ( W_rec  b  W_in )    a: input current of the units
//                                      ( W_out  c   0   )    y: outputs
//
//     rate:     p_t = h_t       h_t = (1 - α) h_{t-1} + α f(a_t + ξ_t)
//     current:  p_t = f(h_t)    h_t = (1 - α) h_{t-1} + α (a_t + ξ_t)
//
// The adjoint runs backwards in time. Let λ_t = dL/dh_t, δ_t = dL/da_t and u_t = (δ_t, ȳ_{t-1}),
// where ȳ and h̄ are the given gradients of outputs and states. By the chain rule
//
//     rate:     λ_{t-1} = h̄_{t-1} + (1 - α) λ_t + Mᵀu_t                 δ_t = α f'(a_t + ξ_t) λ_t
//     current:  λ_{t-1} = h̄_{t-1} + (1 - α) λ_t + f'(h_{t-1}) Mᵀu_t     δ_t = α λ_t
//
// (the part of Mᵀu_t that belongs to p), and dL/dM = Σ_t u_t z_tᵀ holds the gradient of every
// weight and bias. As h_t - h_{t-1} is α times what multiplies α, dL/dα is the sum over time of
// λ_t (h_t - h_{t-1}) / α. The step t = T serves the last output; λ_{-1} is that of h_{-1} = h0.
//
// Trials are cut into shards, by their number alone. A thread takes a shard through the whole
// sequence; sums over shards are taken in order. So results don't depend on the number of threads.

#pragma once

#include "team.h"
#include "vector.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

// Arguments of a call, as in fused.py. Arrays are contiguous, (trials, time, channels).
struct Problem {
  Index trials, steps, units, inputs, outputs, current, activation, threads;
  const void *x, *h0, *w_rec, *w_in, *w_out, *alpha;  // one α per unit
  const void *bias, *bias_out, *noise;                // each may be null
  void *states, *y, *slopes;                          // f'(a): rate only, or null
  const void *grad_states, *grad_y;                   // ∂L/∂states or null
  void *grad_h0, *grad_w_rec, *grad_w_in, *grad_w_out, *grad_alpha, *grad_bias, *grad_bias_out;
  void* grad_drive;  // δ or null
};

namespace {

// New memory is mapped page by page, with an interrupt for each: ask for few, large pieces.
void use_large_pages([[maybe_unused]] void* data, [[maybe_unused]] Index bytes) {
#ifdef MADV_HUGEPAGE
  constexpr std::uintptr_t kPage = 1 << 21;
  const auto start = (reinterpret_cast<std::uintptr_t>(data) + kPage - 1) & ~(kPage - 1);
  const auto end = (reinterpret_cast<std::uintptr_t>(data) + bytes) & ~(kPage - 1);
  if (end > start) madvise(reinterpret_cast<void*>(start), end - start, MADV_HUGEPAGE);
#endif
}

constexpr Index kTile = 16;      // trials that are computed together
constexpr Index kShards = 64;    // largest number of shards
constexpr Index kSamples = 128;  // approximate number of columns of z and u in one update of dL/dM

template <class T, class Any> Any* ahead(Any* array, Index count) {  // null stays null
  const auto address = reinterpret_cast<std::uintptr_t>(array);
  return array ? reinterpret_cast<Any*>(address + count * sizeof(T)) : nullptr;
}

// The problem of m trials from trial `first` on.
template <class T> Problem part(Problem p, Index first, Index m) {
  const Index units = first * p.units, sequence = units * p.steps;
  p.trials = m;
  p.x = ahead<T>(p.x, first * p.steps * p.inputs);
  p.h0 = ahead<T>(p.h0, units);
  p.noise = ahead<T>(p.noise, sequence);
  p.states = ahead<T>(p.states, sequence);
  p.slopes = ahead<T>(p.slopes, sequence);
  p.y = ahead<T>(p.y, first * p.steps * p.outputs);
  p.grad_y = ahead<T>(p.grad_y, first * p.steps * p.outputs);
  p.grad_states = ahead<T>(p.grad_states, sequence);
  p.grad_drive = ahead<T>(p.grad_drive, sequence);
  p.grad_h0 = ahead<T>(p.grad_h0, units);
  return p;
}

// A network and its trials. M and its transpose are made once; methods that take `tile`, the
// problem of a few trials, are called for all tiles, in parallel.
template <class T> struct Network : Problem {
  Index n = units, n_z = units + 1 + inputs, n_u = units + outputs;
  Index row_h = padded(n), row_z = padded(n_z), row_u = padded(n_u);
  Index shard_size = std::max(std::min((trials + 1) / 2, kTile), (trials + kShards - 1) / kShards);
  Index shards = (trials + shard_size - 1) / shard_size;
  Array<T> matrix, transposed, rate, zero, one;  // M, Mᵀ, α, and rows of 0 and 1

  explicit Network(const Problem& problem)
      : Problem(problem),
        matrix(n_u * row_z),
        transposed(n_z * row_u),
        rate(row_h),
        zero(row_h),
        one(row_h) {
    std::fill_n(one.data(), row_h, T(1));
    copy(rate.data(), in(alpha), n);
    for (Index i = 0; i < n_u; ++i) {
      const bool is_unit = i < n;
      const Index j = is_unit ? i : i - n;
      const T *b = in(is_unit ? bias : bias_out), *w = in(is_unit ? w_rec : w_out);
      T* row = &matrix[i * row_z];
      copy(row, w + j * n, n);
      row[n] = b ? b[j] : T(0);
      if (is_unit) copy(row + n + 1, in(w_in) + j * inputs, inputs);
      for (Index k = 0; k < n_z; ++k) transposed[k * row_u + i] = row[k];
    }
  }

  // Length of a row in memory: an odd number of vectors, so that rows share no cache sets.
  static Index padded(Index length) {
    return ((length + kLanes<T> - 1) / kLanes<T> | 1) * kLanes<T>;
  }
  static const T* in(const void* data) { return static_cast<const T*>(data); }
  static T* out(void* data) { return static_cast<T*>(data); }
  static void copy(T* to, const T* from, Index length) {  // the last vectors may overlap
    Index k = 0;
    for (; k + kLanes<T> <= length; k += kLanes<T>) store<T>(to + k, load(from + k));
    if (k > 0 && k < length) store<T>(to + length - kLanes<T>, load(from + length - kLanes<T>));
    for (; length < kLanes<T> && k < length; ++k) to[k] = from[k];
  }
  static void add(T* to, const T* from, Index length) {
    Index k = 0;
    for (; k + kLanes<T> <= length; k += kLanes<T>)
      store<T>(to + k, load(to + k) + load(from + k));
    for (; k < length; ++k) to[k] += from[k];
  }
  static void fetch(const T* row, Index length) {
    for (Index k = 0; k < length; k += 64 / sizeof(T)) __builtin_prefetch(row + k);
  }
  const T* state(const Problem& tile, Index b, Index t) const {
    return t < 0 ? in(tile.h0) + b * n : in(tile.states) + (b * steps + t) * n;
  }

  // z = (p, 1, x_t), given p
  void complete(const Problem& tile, T* z, Index b, Index t) const {
    z[n] = T(1);
    if (t < steps) copy(z + n + 1, in(tile.x) + (b * steps + t) * inputs, inputs);
    else std::fill_n(z + n + 1, inputs, T(0));
  }

  // Call work(shard, tile, b) for all tiles; b is the first trial of the tile.
  template <class Work> void in_parallel(const Work& work) const {
    Team::here().share(shards, threads, [&](Index s) {
      const Index end = std::min(trials, (s + 1) * shard_size);
      for (Index b = s * shard_size; b < end; b += kTile)
        work(s, part<T>(*this, b, std::min(kTile, end - b)), b);
    });
  }

  // Sums over the trials of each shard: dL/dM, and that of α.
  struct Sums {
    Array<T> matrix, alpha;
    explicit Sums(const Network& net)
        : matrix(net.shards * net.n_u * net.row_z), alpha(net.shards * net.row_h) {}

    // Add the shards in order and write the gradients of the weights.
    void gather(const Network& net) {
      const Index size = net.n_u * net.row_z, n = net.n;
      for (Index s = 1; s < net.shards; ++s) {
        add(matrix.data(), &matrix[s * size], size);
        add(alpha.data(), &alpha[s * net.row_h], net.row_h);
      }
      for (Index i = 0; i < net.n_u; ++i) {
        const bool is_unit = i < n;
        const Index j = is_unit ? i : i - n;
        const T* row = &matrix[i * net.row_z];
        copy(out(is_unit ? net.grad_w_rec : net.grad_w_out) + j * n, row, n);
        out(is_unit ? net.grad_bias : net.grad_bias_out)[j] = row[n];
        if (is_unit) copy(out(net.grad_w_in) + j * net.inputs, row + n + 1, net.inputs);
      }
      for (Index k = 0; k < n; ++k)
        out(net.grad_alpha)[k] = net.rate[k] == 0 ? 0 : alpha[k] / net.rate[k];
    }
  };

  void forward() const {
    use_large_pages(states, trials * steps * n * sizeof(T));
    in_parallel([&](Index, const Problem& tile, Index) { forward(tile); });
  }

  void forward(const Problem& tile) const {
    const Index m = tile.trials;
    const Index chunk = std::max<Index>(1, kSamples / m), trial = chunk * row_u;
    Array<T> h(m * row_h), rates(current ? m * row_h : 0), slope(row_h), a(m * trial);
    T* const p = current ? rates.data() : h.data();
    for (Index i = 0; i < m; ++i) {
      copy(&h[i * row_h], state(tile, i, -1), n);
      if (current) respond<T>(Activation(activation), &h[i * row_h], p + i * row_h, nullptr, n);
    }
    const Index last = steps + (outputs > 0);
    for (Index t = 0; t < last; ++t) {
      const Index c = t % chunk;
      for (Index i = 0; c == 0 && i < m; ++i)
        drive(tile, i, t, std::min(chunk, last - t), &a[i * trial]);
      multiply<T>(m, n, n_u, p, row_h, 1, transposed.data(), row_u, &a[c * row_u], trial, true);
      for (Index i = 0; i < m; ++i) {
        T* const a_t = &a[i * trial + c * row_u];
        if (t > 0) copy(out(tile.y) + (i * steps + t - 1) * outputs, a_t + n, outputs);
        if (t < steps) advance(tile, i, t, a_t, &h[i * row_h], p + i * row_h, slope.data());
      }
    }
  }

  // The part of M z_t that does not come from p, for trial b and some steps from t on.
  void drive(const Problem& tile, Index b, Index t, Index length, T* a) const {
    const T* offset = transposed.data() + n * row_u;  // (b, c)
    const Index real = std::min(length, steps - t);
    for (Index k = 0; k < length; ++k) copy(a + k * row_u, offset, row_u);
    for (Index k = 0; noise && k < real; ++k)
      add(a + k * row_u, in(tile.noise) + (b * steps + t + k) * n, n);
    multiply<T>(real, inputs, n, in(tile.x) + (b * steps + t) * inputs, inputs, 1, offset + row_u,
                row_u, a, row_u, true);
    // a NaN in x_t must not reach y_{t-1}, which is in the same vectors
    for (Index k = 0; k < real; ++k) copy(a + k * row_u + n, offset + n, outputs);
  }

  // From a_t and h_{t-1} of trial b to h_t and p_t.
  void advance(const Problem& tile, Index b, Index t, T* a, T* h, T* p, T* slope) const {
    if (!current) respond<T>(Activation(activation), a, a, tile.slopes ? slope : nullptr, n);
    if (!current && tile.slopes) copy(out(tile.slopes) + (b * steps + t) * n, slope, n);
    for (Index k = 0; k < n; k += kLanes<T>) {
      const Vector<T> alpha = load(&rate[k]);
      store<T>(h + k, (T(1) - alpha) * load(h + k) + alpha * load(a + k));
    }
    copy(out(tile.states) + (b * steps + t) * n, h, n);
    if (current) respond<T>(Activation(activation), h, p, nullptr, n);
  }

  void backward() const {
    Sums sums(*this);
    in_parallel([&](Index s, const Problem& tile, Index) { backward(tile, sums, s); });
    sums.gather(*this);
  }

  void backward(const Problem& tile, Sums& sums, Index shard) const {
    T *const sum = &sums.matrix[shard * n_u * row_z], *const sum_alpha = &sums.alpha[shard * row_h];
    const Index m = tile.trials;
    const Index chunk = std::max<Index>(1, kSamples / m), step_z = m * row_z, step_u = m * row_u;
    Array<T> z(chunk * step_z), u((chunk + 1) * step_u), back(m * row_h), lambda(m * row_h);
    Array<T> h(m * row_h), before(m * row_h), given(row_h), gain(row_h);
    for (Index i = 0; i < m; ++i) {
      copy(&h[i * row_h], state(tile, i, steps - 1), n);
      copy(&u[i * row_u] + n, in(tile.grad_y) + ((i + 1) * steps - 1) * outputs, outputs);
    }
    for (Index t = steps; t >= 0;) {  // a chunk of z_t and u_t, in descending time
      const Index skip = t == steps ? n : 0, end = t == steps ? 1 : chunk;  // there is no a_T
      Index c = 0;
      for (; c < end && t >= 0; ++c, --t) {
        T *z_t = &z[c * step_z], *u_t = &u[c * step_u];
        multiply<T>(m, n_u, n, u_t, row_u, 1, matrix.data(), row_z, back.data(), row_h, false);
        for (Index i = 0; i < m; ++i)
          retreat(tile, i, t, &back[i * row_h], &lambda[i * row_h], &h[i * row_h],
                  &before[i * row_h], z_t + i * row_z, u_t + step_u + i * row_u, given.data(),
                  gain.data(), sum_alpha);
        std::swap(h, before);
      }
      multiply<T>(n_u - skip, c * m, n_z, &u[skip], 1, row_u, z.data(), row_z,
                  sum + skip * row_z, row_z, true);
      copy(u.data(), &u[c * step_u], step_u);
    }
  }

  // From Mᵀu_t, λ_t and h_{t-1} of trial b to z_t, λ_{t-1}, u_{t-1} and h_{t-2}.
  void retreat(const Problem& tile, Index b, Index t, const T* back, T* lambda, const T* h,
               T* before, T* z, T* u, T* given, T* gain, T* sum_alpha) const {
    const T *inner = one.data(), *outer = one.data(), *extra = zero.data();
    if (current) respond<T>(Activation(activation), h, z, gain, n), inner = gain;
    else copy(z, h, n);
    complete(tile, z, b, t);
    if (t > 0) {
      copy(before, state(tile, b, t - 2), n);
      fetch(state(tile, b, t - 12), n);
      if (!current) copy(gain, in(tile.slopes) + (b * steps + t - 1) * n, n), outer = gain;
      if (grad_states) copy(given, in(tile.grad_states) + (b * steps + t - 1) * n, n), extra = given;
    }
    for (Index k = 0; k < n; k += kLanes<T>) {
      const Vector<T> alpha = load(&rate[k]);
      const Vector<T> l = load(extra + k) + (T(1) - alpha) * load(lambda + k) +
                          load(inner + k) * load(back + k);
      store<T>(lambda + k, l);
      store<T>(u + k, alpha * load(outer + k) * l);
      const Vector<T> change = load(h + k) - load(before + k);
      if (t > 0) store<T>(sum_alpha + k, load(sum_alpha + k) + l * change);
    }
    if (t == 0) return copy(out(tile.grad_h0) + b * n, lambda, n);
    if (grad_drive) copy(out(tile.grad_drive) + (b * steps + t - 1) * n, u, n);
    if (t > 1) copy(u + n, in(tile.grad_y) + (b * steps + t - 2) * outputs, outputs);
    else std::fill_n(u + n, outputs, T(0));
  }
};

}  // namespace
