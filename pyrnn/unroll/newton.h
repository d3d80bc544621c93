// One iteration of Newton's method for F(h) = h from many starts, each solved in cache.
//
//     rate:     F(h) = (1 - α) h + α f(W h + d)      J = (1 - α) + α D W,    D = f'(W h + d)
//     current:  F(h) = (1 - α) h + α (W f(h) + d)    J = (1 - α) + α W D,    D = f'(h)
//     gated:    F(h) = (1 - z) n + z h               J = z + G_r W_r + G_z W_z + G_n W_n
//
// d is the drive of an input, bias included. The gated unit (GRU) has three blocks of rows in W,
//
//     r = σ(W_r h + d_r),   z = σ(W_z h + d_z),   q = W_n h + c,   n = tanh(d_n + r q),
//     G_n = (1 - z) (1 - n²) r,   G_r = (1 - z) (1 - n²) q r (1 - r),   G_z = (h - n) z (1 - z).
//
// With A = I - J and the residual r = F(h) - h, the direction A⁻¹ r is taken as long as leaves the
// smallest residual, of lengths 1, 1/2, ... 1/16, but no longer than a cap; where A is nearly
// singular it is (AᵀA + |r|)⁻¹ Aᵀ r. A second step with the same factors follows where it helps. A
// start that a step with the Jacobian of a known point takes to this point is left out. Threads
// share the starts, which do not depend on each other. _newton.py has the same in torch.
//
// Before that, starts may take steps of the network itself, see _settle.py.

#pragma once

#include <limits>
#include <numeric>

#include "team.h"
#include "vector.h"

enum class Form : Index { kRate, kCurrent, kGated };

// Arguments of a call, as in _compiled.py. Arrays are contiguous.
struct Starts {
  Index starts, units, form, activation, threads;
  Index known, few;                           // number of known points; starts too few to go on
  double tol, cap, unit;                      // unit: of the states
  const void *w_rec, *alpha, *drive, *inner;  // drive: (starts, rows of W); inner: c, of gates
  void *h, *residual, *speed;                 // speed: length of the residual
  const Index *moves;                         // steps of the network that each start takes
  Index is_wary;                              // whether only those that lead nearer count
  const Index *owner, *owner_known;           // a start is drawn to points of its owner
  const void *points, *inverse;               // known points and (I - J)⁻¹ there
  Index* drawn;                               // the known point that each start leads to
};

namespace {

// The weights by rows and by columns, each padded to whole vectors.
template <class T> struct Weights {
  Index n, row, blocks, wide;
  Array<T> rows, columns, alpha, inner;

  static const T* in(const void* data) { return static_cast<const T*>(data); }

  explicit Weights(const Starts& starts)
      : n(starts.units), row((n + kLanes<T> - 1) / kLanes<T> * kLanes<T>),
        blocks(Form(starts.form) == Form::kGated ? 3 : 1), wide(blocks * row),
        rows(blocks * n * row), columns(n * wide), alpha(row), inner(row) {
    if (starts.alpha) std::copy_n(in(starts.alpha), n, alpha.data());
    if (starts.inner) std::copy_n(in(starts.inner), n, inner.data());
    const T* w = in(starts.w_rec);
    for (Index g = 0; g < blocks; ++g)
      for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < n; ++j, ++w)
          rows[(g * n + i) * row + j] = columns[j * wide + g * row + i] = *w;
  }
};

template <class T> class Newton : Starts {
  static constexpr T kTooLong = 100, kApproach = T(0.2);
  static constexpr Index kLengths = 5, kShard = 8;  // starts that a thread takes at a time
  const bool current = Form(form) == Form::kCurrent, is_gated = Form(form) == Form::kGated;
  const Weights<T>& weights;
  const Index n = units, row = weights.row, wide = weights.wide;
  Array<T> a, lower, pivot;                // rows of A, then of U in any order; columns of L
  Array<T> d, at, to, left, slope, rates;  // drive, states, currents, residuals, f', f(h)
  Array<T> gain, leaves;                   // A = leaves - gain W, or less gain W f' (current)
  Array<T> rest, solution;                 // r on its way through L, and A⁻¹ r
  std::vector<Index> order;                // order[k] is the row of A that became row k of U

  static T* out(void* data) { return static_cast<T*>(data); }
  static const T* in(const void* data) { return static_cast<const T*>(data); }

  Newton(const Starts& starts, const Weights<T>& given)
      : Starts(starts), weights(given), a(n * row), lower(n * row), pivot(row), d(wide),
        at(kLengths * row), to(kLengths * wide), left(kLengths * row), slope(kLengths * row),
        rates(kLengths * row), gain(wide), leaves(row), rest(row), solution(row), order(n) {}

 public:
  // Improve every start that has not converged, unless these are few; return how many.
  static Index iterate(const Starts& starts) {
    const T infinity = std::numeric_limits<T>::infinity();
    const Weights<T> weights(starts);
    std::vector<Index> active;
    for (Index s = 0; s < starts.starts; ++s)
      if (out(starts.speed)[s] > starts.tol && out(starts.speed)[s] < infinity) active.push_back(s);
    if (starts.known) {
      share(starts, weights, active, [&](const Newton& solver, Index s) {
        if ((solver.drawn[s] = solver.drawn_to(s)) >= 0) out(starts.speed)[s] = infinity;
      });
      const auto is_drawn = [&](Index s) { return starts.drawn[s] >= 0; };
      active.erase(std::remove_if(active.begin(), active.end(), is_drawn), active.end());
    }
    if (Index(active.size()) <= starts.few) return 0;
    share(starts, weights, active, [](Newton& solver, Index s) { solver.improve(s); });
    return active.size();
  }

  static void settle(const Starts& starts) {
    std::vector<Index> all(starts.starts);
    std::iota(all.begin(), all.end(), 0);
    share(starts, Weights<T>(starts), all, [](Newton& solver, Index s) { solver.run(s); });
  }

 private:
  // Call work(solver, start) for some starts, in parallel.
  template <class Work>
  static void share(const Starts& starts, const Weights<T>& weights,
                    const std::vector<Index>& some, const Work& work) {
    const Index size = some.size(), shard = starts.threads > 1 ? kShard : std::max<Index>(size, 1);
    Team::here().share((size + shard - 1) / shard, starts.threads, [&](Index k) {
      Newton solver(starts, weights);
      for (Index i = k * shard; i < std::min(size, (k + 1) * shard); ++i) work(solver, some[i]);
    });
  }

  static T dot(const T* x, const T* y, Index length) {
    Vector<T> sums = {};
    Index k = 0;
    for (; k + kLanes<T> <= length; k += kLanes<T>) sums += load(x + k) * load(y + k);
    T sum = 0;
    for (Index lane = 0; lane < kLanes<T>; ++lane) sum += sums[lane];
    for (; k < length; ++k) sum += x[k] * y[k];
    return sum;
  }
  T length(const T* x) const { return std::sqrt(dot(x, x, row)); }

  // The nearest known point, if a step with its Jacobian comes much closer to it; otherwise -1.
  Index drawn_to(Index s) const {
    const T *x = in(h) + s * n, *r = in(residual) + s * n;
    T before = std::numeric_limits<T>::infinity(), after = 0;
    Index nearest = -1;
    for (Index j = 0; j < known; ++j) {
      if (owner_known[j] != owner[s]) continue;
      T sum = 0;
      for (Index k = 0; k < n; ++k) sum += square(x[k] - in(points)[j * n + k]);
      if (sum < before) before = sum, nearest = j;
    }
    for (Index i = 0; nearest >= 0 && i < n; ++i)
      after += square(x[i] + dot(in(inverse) + (nearest * n + i) * n, r, n) -
                      in(points)[nearest * n + i]);
    return after < square(kApproach) * before ? nearest : -1;
  }
  static T square(T x) { return x * x; }

  // left = F(at) - at of m states at once, and what A consists of at the first.
  void map(Index m) {
    const Activation f{activation};
    if (current) respond<T>(f, at.data(), rates.data(), slope.data(), m * row);
    for (Index i = 0; i < m; ++i) {
      std::copy_n(d.data(), wide, &to[i * wide]);
      if (is_gated) std::copy_n(weights.inner.data(), row, &to[i * wide + 2 * row]);
    }
    multiply<T>(m, n, wide, (current ? rates : at).data(), row, 1, weights.columns.data(), wide,
                to.data(), wide, true);
    if (Form(form) == Form::kRate) respond<T>(f, to.data(), to.data(), slope.data(), m * row);
    for (Index i = m; i-- > 0;)  // the first at last
      for (Index k = 0; k < row; k += kLanes<T>) is_gated ? pass_gates(i, k) : move(i, k);
  }

  void move(Index i, Index k) {
    const Vector<T> alpha = load(&weights.alpha[k]);
    store<T>(&left[i * row + k], alpha * (load(&to[i * row + k]) - load(&at[i * row + k])));
    store<T>(&leaves[k], alpha);
    store<T>(&gain[k], current ? alpha : alpha * load(&slope[i * row + k]));
  }

  void pass_gates(Index i, Index k) {
    const Vector<T> one = all(T(1)), state = load(&at[i * row + k]);
    const T* u = &to[i * wide + k];
    const auto r = respond<T, Activation::kSigmoid>(load(u));
    const auto z = respond<T, Activation::kSigmoid>(load(u + row));
    const Vector<T> q = load(u + 2 * row), own = load(&d[2 * row + k]);
    const auto fresh = respond<T, Activation::kTanh>(own + r.value * q);
    const Vector<T> inner = (one - z.value) * fresh.slope;
    store<T>(&left[i * row + k], (one - z.value) * (fresh.value - state));
    store<T>(&leaves[k], one - z.value);
    store<T>(&gain[k], inner * q * r.slope);
    store<T>(&gain[row + k], (state - fresh.value) * z.slope);
    store<T>(&gain[2 * row + k], inner * r.value);
  }

  // A = I - J
  void set_up() {
    for (Index i = 0; i < n; ++i) {
      T* const to_row = &a[i * row];
      for (Index k = 0; k < row; k += kLanes<T>) {
        Vector<T> sum = {};
        for (Index g = 0; g < weights.blocks; ++g)
          sum -= all(gain[g * row + i]) * load(&weights.rows[(g * n + i) * row + k]);
        store<T>(to_row + k, current ? sum * load(&slope[k]) : sum);
      }
      to_row[i] += leaves[i];
    }
  }

  // Gaussian elimination with the largest pivot of each column. Rows stay in place, and what is
  // below the diagonal is left as it comes: where rows of U are used it meets zeros.
  void factor() {
    std::iota(order.begin(), order.end(), 0);
    for (Index k = 0; k < n; ++k) {
      Index best = k;
      for (Index i = k + 1; i < n; ++i)
        if (std::abs(a[order[i] * row + k]) > std::abs(a[order[best] * row + k])) best = i;
      std::swap(order[k], order[best]);
      const T* upper = &a[order[k] * row];
      T* column = &lower[k * row];
      pivot[k] = 1 / upper[k];
      std::fill_n(column, row, T(0));
      Index i = k + 1;
      for (; i + 4 <= n; i += 4) eliminate<4>(&order[i], k, upper, column);
      for (; i < n; ++i) eliminate<1>(&order[i], k, upper, column);
    }
  }

  // Take the pivot row from R rows, so often that their column k vanishes.
  template <int R> void eliminate(const Index* rows, Index k, const T* upper, T* column) {
    T *below[R], share[R];
    for (int r = 0; r < R; ++r) {
      below[r] = &a[rows[r] * row];
      share[r] = column[rows[r]] = below[r][k] * pivot[k];
    }
    for (Index j = k / kLanes<T> * kLanes<T>; j < row; j += kLanes<T>) {
      const Vector<T> u = load(upper + j);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) store<T>(below[r] + j, load(below[r] + j) - share[r] * u);
    }
  }

  // solution = A⁻¹ right
  void solve(const T* right) {
    std::copy_n(right, row, rest.data());
    for (Index k = 0; k < n; ++k) {
      const T value = rest[order[k]];
      for (Index j = 0; j < row; j += kLanes<T>)
        store<T>(&rest[j], load(&rest[j]) - value * load(&lower[k * row + j]));
    }
    std::fill_n(solution.data(), row, T(0));
    for (Index k = n; k-- > 0;) {
      const Index first = k / kLanes<T> * kLanes<T>, i = order[k];
      const T known_part = dot(&a[i * row + first], &solution[first], row - first);
      solution[k] = (rest[i] - known_part) * pivot[k];
    }
  }

  // solution = (AᵀA + |r|)⁻¹ Aᵀ r, which is bounded also where A is singular
  void solve_damped(const T* r) {
    set_up();
    Array<T> normal(n * row), right(row);
    const T damping = std::max(T(length(r) / unit), std::numeric_limits<T>::epsilon());
    for (Index i = 0; i < n; ++i) {
      multiply<T>(1, n, n, &a[i], row, row, a.data(), row, &normal[i * row], row, false);
      right[i] = 0;
      for (Index k = 0; k < n; ++k) right[i] += a[k * row + i] * r[k];
      normal[i * row + i] += damping;
    }
    std::swap(a, normal);
    factor();
    solve(right.data());
    for (Index k = 0; k < n; ++k)
      if (!std::isfinite(solution[k])) solution[k] = 0;
    set_up();
    factor();  // for the second step
  }

  // Take the state and the drive of a start.
  void take(Index s) {
    std::copy_n(in(h) + s * n, n, at.data());
    for (Index g = 0; g < weights.blocks; ++g)
      std::copy_n(in(drive) + (s * weights.blocks + g) * n, n, &d[g * row]);
    map(1);
  }

  void run(Index s) {
    if (moves[s] == 0) return;
    take(s);
    for (Index i = 0; i < moves[s]; ++i) {
      const T before = length(left.data());
      for (Index k = 0; k < row; k += kLanes<T>) store<T>(&at[k], load(&at[k]) + load(&left[k]));
      map(1);
      if (is_wary && !(length(left.data()) < before)) return;
      std::copy_n(at.data(), n, out(h) + s * n);
    }
  }

  void improve(Index s) {
    T *const state = out(h) + s * n, *const r = out(residual) + s * n;
    take(s);
    Array<T> given(row);
    std::copy_n(r, n, given.data());
    set_up();
    factor();
    solve(given.data());
    T size = length(solution.data());
    if (!(size <= kTooLong * T(cap))) solve_damped(given.data()), size = length(solution.data());
    const T limit = T(cap) / std::max(size, T(cap));
    for (Index i = kLengths; i-- > 0;)
      for (Index k = 0; k < n; ++k)
        at[i * row + k] = state[k] + limit / T(1 << i) * solution[k];
    map(kLengths);
    Index best = 0;
    T speeds[kLengths];
    for (Index i = 0; i < kLengths; ++i) {
      speeds[i] = length(&left[i * row]);
      if (!(speeds[i] < std::numeric_limits<T>::infinity()))
        speeds[i] = std::numeric_limits<T>::infinity();
      if (speeds[i] < speeds[best]) best = i;
    }
    std::copy_n(&at[best * row], n, state);
    std::copy_n(&left[best * row], n, r);
    out(speed)[s] = speeds[best];
    solve(&left[best * row]);
    if (!(length(solution.data()) <= T(cap))) return;
    for (Index k = 0; k < n; ++k) at[k] = state[k] + solution[k];
    map(1);
    const T again = length(left.data());
    if (!(again < out(speed)[s])) return;
    std::copy_n(at.data(), n, state);
    std::copy_n(left.data(), n, r);
    out(speed)[s] = again;
  }
};

}  // namespace
