// One step of training, for several networks, in one call.
//
// An optimizer changes free parameters v. A weight w is confined to an interval [a, b] by
// reflection (reflection.py): with o the value of [a, b] nearest to zero and s = v + o,
//
//     w = a + |s - a|  (b = ∞),     w = b - |b - s|  (a = -∞),     w = a  (a = b),
//
// back and forth between two finite bounds. Then ∂w/∂v is 1, -1 where s is reflected, 0 if a = b.
//
// The loss is the mean L = Σ m e / Σ m of errors e with weights m, of outputs y and targets ŷ:
//
//     mean squared error     e = (y - ŷ)²                    ∂e/∂y = 2 (y - ŷ)
//     cross-entropy          e = Σ_k ŷ_k (log Σ exp y - y_k)   ∂e/∂y = softmax(y) Σ_k ŷ_k - ŷ
//     of independent bits    e = log(1 + exp y) - ŷ y          ∂e/∂y = 1 / (1 + exp(-y)) - ŷ
//     Poisson                e = exp y - ŷ y                   ∂e/∂y = exp y - ŷ
//
// A class c is ŷ_k = [k = c]. So ȳ = m ∂e/∂y / Σ m, and network.h has dL/dw; dL/dv = ∂w/∂v dL/dw.
// The gradient g is multiplied by min(1, c / (|g| + 10⁻⁶)), then cut to [-d, d]. Adam keeps means
//
//     p ← β₁ p + (1 - β₁) g,   q ← β₂ q + (1 - β₂) g²,
//     v ← v - η p / (1 - β₁ᵏ) / (√q / √(1 - β₂ᵏ) + ε)              in step k
//
// with a decay that is added to g (Adam, SGD), or makes v ← (1 - η decay) v before (AdamW).
//
// Outputs, losses and adjoints of a tile of trials follow each other, while its states are in the
// cache. Sums over tiles are taken in order: a step depends on neither threads nor other networks.

#pragma once

#include <limits>
#include <memory>

#include "network.h"

enum class Loss : Index { kMse, kCrossEntropy, kBits, kPoisson };
enum class Optimizer : Index { kAdam, kAdamW, kSgd };

// A tensor of the equation; null for one that is absent, not confined, frozen.
struct Parameter {
  const void *free, *low, *high;
  void* gradient;
  Index is_folded;  // whether an entry has two finite bounds that differ
};
enum { kWRec, kWIn, kWOut, kBias, kBiasIn, kBiasOut, kH0, kParameters };

// A network, its batch and its optimizer, as in train.py. Arrays of the batch as in Problem; a
// step of a trial has `mask_size` weights: 0, 1, or one per output.
struct Member {
  Index trials, steps, units, inputs, outputs, current, activation;
  Index loss, optimizer, has_classes, mask_size;
  const void *x, *noise, *targets, *mask;
  void* y;
  const void* alpha;
  Parameter parameters[kParameters];
  void *values, *gradient, *mean, *square;  // of all parameters that learn, side by side
  float* count;
  Index size;
  double lr, beta1, beta2, eps, decay, clip_norm, clip_value;  // clips: 0 for none
  double loss_found, norm, weight;                             // results; weight is Σ m
};

namespace {

template <class T> Vector<T> load_some(const T* from, Index count) {
  Vector<T> v = {};
  if (count >= kLanes<T>) return load(from);
  std::memcpy(&v, from, count * sizeof(T));
  return v;
}
template <class T> void store_some(T* to, Vector<T> v, Index count) {
  std::memcpy(to, &v, std::min(count, kLanes<T>)* sizeof(T));
}

// w and ∂w/∂v, where no entry has two finite bounds that differ.
template <class T> Response<T> reflect(Vector<T> v, Vector<T> low, Vector<T> high) {
  const Vector<T> zero = {}, one = all(T(1));
  const Vector<T> s = v + (low > 0 ? low : high < 0 ? high : zero);
  const auto below = s < low, above = s > high;
  const Vector<T> w = below ? 2 * low - s : above ? 2 * high - s : s;
  return {low == high ? low : w, low == high ? zero : (below | above) ? -one : one};
}

// The same for a single entry, with any bounds.
template <class T> void fold(T& v, T& slope, T low, T high) {
  const T span = high - low, s = v + (low > 0 ? low : high < 0 ? high : T(0));
  T phase = std::fmod(s - low, 2 * span);
  if (phase < 0) phase += 2 * span;
  slope = phase < span ? T(1) : T(-1);
  v = std::min(high, low + (phase < span ? phase : 2 * span - phase));
}

// Memory that a thread keeps from call to call: new pages cost more than what is done with them.
template <class T> T* scratch(Index size) {
  static thread_local std::unique_ptr<T[]> kept;
  static thread_local Index kept_size = 0;
  if (size > kept_size) kept.reset(new T[size]), kept_size = size;
  return kept.get();
}

template <class T> struct Trainer {
  Member& me;
  Index threads, n = me.units, n_outputs = me.outputs;
  Array<T> weights[kParameters], slopes[kParameters], found[kParameters], grad_alpha;
  T scale = 0;           // 1 / Σ m
  T pace = 0, root = 1;  // η / (1 - β₁ᵏ) and √(1 - β₂ᵏ)

  Trainer(Member& member, Index threads) : me(member), threads(threads), grad_alpha(n) {
    for (int p = 0; p < kParameters; ++p) prepare(p);
    double total = me.mask_size ? 0 : double(me.trials * me.steps);
    const T* mask = static_cast<const T*>(me.mask);
    for (Index k = 0; k < me.trials * me.steps * me.mask_size; ++k) total += double(mask[k]);
    me.weight = total;
    const bool is_per_output = Loss(me.loss) != Loss::kCrossEntropy && me.mask_size < 2;
    if (is_per_output) total *= double(n_outputs);
    scale = total > 0 ? T(1 / total) : T(0);
  }

  Index size_of(int p) const {
    return p == kWRec ? n * n : p == kWIn ? n * me.inputs : p == kWOut ? n_outputs * n
         : p == kBiasOut ? n_outputs : n;
  }

  // Weights and their slopes.
  void prepare(int p) {
    const Parameter& given = me.parameters[p];
    const T *free = static_cast<const T*>(given.free), *low = static_cast<const T*>(given.low),
            *high = static_cast<const T*>(given.high);
    const Index size = size_of(p);
    T *w = (weights[p] = Array<T>(size)).data(), *slope = nullptr;
    found[p] = Array<T>(size);
    if (free) std::copy_n(free, size, w);
    if (!free || !low) return;
    slope = (slopes[p] = Array<T>(size)).data();
    for (Index k = 0; k < size; k += kLanes<T>) {
      const Index left = size - k;
      const auto r = reflect<T>(load(w + k), load_some(low + k, left), load_some(high + k, left));
      store<T>(w + k, r.value);
      store<T>(slope + k, r.slope);
    }
    for (Index k = 0; given.is_folded && k < size; ++k)
      if (low[k] < high[k] && std::isfinite(high[k] - low[k]))
        fold(w[k] = free[k], slope[k], low[k], high[k]);
  }

  void step() {
    Network<T>::add(weights[kBias].data(), weights[kBiasIn].data(), n);
    Problem problem{};
    problem.trials = me.trials, problem.steps = me.steps, problem.units = n;
    problem.inputs = me.inputs, problem.outputs = n_outputs, problem.current = me.current;
    problem.activation = me.activation;
    problem.threads = threads;
    problem.x = me.x, problem.noise = me.noise, problem.y = me.y, problem.alpha = me.alpha;
    problem.w_rec = weights[kWRec].data(), problem.w_in = weights[kWIn].data();
    problem.w_out = weights[kWOut].data(), problem.bias = weights[kBias].data();
    problem.bias_out = weights[kBiasOut].data();
    problem.grad_w_rec = found[kWRec].data(), problem.grad_w_in = found[kWIn].data();
    problem.grad_w_out = found[kWOut].data(), problem.grad_bias = found[kBias].data();
    problem.grad_bias_out = found[kBiasOut].data(), problem.grad_alpha = grad_alpha.data();
    learn(Network<T>(problem));
    found[kBiasIn] = found[kBias];
    update();
  }

  // Loss and gradients of the weights.
  void learn(const Network<T>& net) {
    typename Network<T>::Sums sums(net);
    std::vector<double> losses(net.shards);
    Array<T> sums_h0(net.shards * net.row_h);
    net.in_parallel([&](Index shard, Problem tile, Index first) {
      const Index m = tile.trials, sequence = m * me.steps;
      T* const work = scratch<T>(2 * sequence * n + sequence * n_outputs + 2 * m * n);
      T* const h0 = work + 2 * sequence * n + sequence * n_outputs;
      tile.states = work, tile.slopes = me.current ? nullptr : work + sequence * n;
      T* const grad_y = work + 2 * sequence * n;
      tile.grad_y = grad_y, tile.h0 = h0, tile.grad_h0 = h0 + m * n;
      for (Index i = 0; i < m; ++i) std::copy_n(weights[kH0].data(), n, h0 + i * n);
      net.forward(tile);
      for (Index k = 0; k < sequence; ++k)
        losses[shard] += error(first * me.steps + k, grad_y + k * n_outputs);
      net.backward(tile, sums, shard);
      for (Index i = 0; i < m; ++i)
        Network<T>::add(&sums_h0[shard * net.row_h], h0 + (m + i) * n, n);
    });
    sums.gather(net);
    me.loss_found = 0;
    for (Index s = 0; s < net.shards; ++s) {
      me.loss_found += losses[s] * double(scale);
      Network<T>::add(found[kH0].data(), &sums_h0[s * net.row_h], n);
    }
  }

  // Σ m e of a step of a trial, and its gradient.
  double error(Index step, T* gradient) const {
    const T* y = static_cast<const T*>(me.y) + step * n_outputs;
    const T* mask = me.mask ? static_cast<const T*>(me.mask) + step * me.mask_size : nullptr;
    const T* targets = static_cast<const T*>(me.targets) + step * n_outputs;
    if (Loss(me.loss) == Loss::kCrossEntropy) {
      const T m = mask ? mask[0] : T(1);
      if (m > 0) return double(m) * entropy(step, y, targets, m * scale, gradient);
      std::fill_n(gradient, n_outputs, T(0));
      return 0;
    }
    double sum = 0;
    for (Index k = 0; k < n_outputs; ++k) {
      const T m = mask ? mask[me.mask_size > 1 ? k : 0] : T(1);
      T e = 0, d = 0;
      if (m > 0) measure(y[k], targets[k], e, d);
      gradient[k] = m * scale * d;
      sum += double(m * e);
    }
    return sum;
  }

  // e and ∂e/∂y of one output.
  void measure(T y, T target, T& e, T& d) const {
    if (Loss(me.loss) == Loss::kMse) {
      d = y - target, e = d * d, d *= 2;
    } else if (Loss(me.loss) == Loss::kPoisson) {
      const T mean = std::exp(y);
      e = mean - target * y, d = mean - target;
    } else {
      const T small = std::exp(-std::abs(y));
      e = std::max(y, T(0)) + std::log1p(small) - target * y;
      d = (y > 0 ? T(1) : small) / (1 + small) - target;
    }
  }

  double entropy(Index step, const T* y, const T* targets, T factor, T* gradient) const {
    const T largest = *std::max_element(y, y + n_outputs);
    T sum = 0, total = 1, dot = 0;
    for (Index k = 0; k < n_outputs; ++k) sum += gradient[k] = std::exp(y[k] - largest);
    const T log_sum = largest + std::log(sum);
    if (me.has_classes) {
      const Index c = static_cast<const Index*>(me.targets)[step];
      for (Index k = 0; k < n_outputs; ++k)
        gradient[k] = factor * (gradient[k] / sum - T(k == c));
      return double(log_sum - y[c]);
    }
    total = 0;
    for (Index k = 0; k < n_outputs; ++k) total += targets[k], dot += targets[k] * (log_sum - y[k]);
    for (Index k = 0; k < n_outputs; ++k)
      gradient[k] = factor * (gradient[k] / sum * total - targets[k]);
    return double(dot);
  }

  // From gradients of weights to new parameters, unless loss or norm is not finite.
  void update() {
    for (int p = 0; p < kParameters; ++p) {
      T* const gradient = static_cast<T*>(me.parameters[p].gradient);
      if (!gradient) continue;
      const bool is_confined = me.parameters[p].low;
      for (Index k = 0; k < size_of(p); k += kLanes<T>) {
        const Vector<T> g = load(&found[p][k]);
        store_some<T>(gradient + k, is_confined ? g * load(&slopes[p][k]) : g, size_of(p) - k);
      }
    }
    T* const g = static_cast<T*>(me.gradient);
    double sum = 0;
    for (Index k = 0; me.clip_norm > 0 && k < me.size;) {
      Vector<T> part = {};
      for (const Index end = k + 32 * kLanes<T>; k < end && k < me.size; k += kLanes<T>) {
        const Vector<T> some = load_some(g + k, me.size - k);
        part += some * some;
      }
      for (Index lane = 0; lane < kLanes<T>; ++lane) sum += double(part[lane]);
    }
    me.norm = std::sqrt(sum);
    if (!std::isfinite(me.loss_found) || !std::isfinite(me.norm)) return;
    const T factor = me.clip_norm > 0 ? T(std::min(1.0, me.clip_norm / (me.norm + 1e-6))) : T(1);
    const T most = me.clip_value > 0 ? T(me.clip_value) : std::numeric_limits<T>::infinity();
    if (me.count) {
      *me.count += 1;
      pace = T(me.lr / (1 - std::pow(me.beta1, double(*me.count))));
      root = T(std::sqrt(1 - std::pow(me.beta2, double(*me.count))));
    }
    for (Index k = 0; k < me.size; k += kLanes<T>) {
      Vector<T> some = load_some(g + k, me.size - k) * factor;
      some = some > most ? ::all(most) : some < -most ? ::all(-most) : some;
      store_some<T>(g + k, some, me.size - k);
      advance(k, some);
    }
  }

  // New values of some parameters from entry k on.
  void advance(Index k, Vector<T> g) {
    const Index left = me.size - k;
    T* const values = static_cast<T*>(me.values) + k;
    Vector<T> v = load_some(values, left);
    const T lr = T(me.lr), decay = T(me.decay);
    if (Optimizer(me.optimizer) == Optimizer::kAdamW) v -= v * (lr * decay);
    else g += v * decay;
    if (Optimizer(me.optimizer) != Optimizer::kSgd) {
      T *const mean = static_cast<T*>(me.mean) + k, *const square = static_cast<T*>(me.square) + k;
      Vector<T> p = load_some(mean, left), q = load_some(square, left);
      p += T(1 - me.beta1) * (g - p);
      q = T(me.beta2) * q + T(1 - me.beta2) * g * g;
      store_some(mean, p, left), store_some(square, q, left);
      v -= pace * p / (sqrt<T>(q) / root + T(me.eps));
    } else {
      v -= lr * g;
    }
    store_some(values, v, left);
  }
};

// A network's step depends on no other: threads share the networks, or the trials of each.
template <class T> void train(Member* const* members, Index count, Index threads) {
  Team::here().share(count, threads, [&](Index i) {
    Trainer<T>(*members[i], std::max<Index>(1, threads / count)).step();
  });
}

}  // namespace
