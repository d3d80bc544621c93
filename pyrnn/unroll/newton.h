// One iteration of Newton's method for F(h) = h from many starts, each solved in cache.
//
//     rate:     F(h) = (1 - α) h + α f(W h + d)      J = (1 - α) + α D W,    D = f'(W h + d)
//     current:  F(h) = (1 - α) h + α (W f(h) + d)    J = (1 - α) + α W D,    D = f'(h)
//
// d is the drive of an input, bias included. With A = I - J and the residual r = F(h) - h, the
// direction A⁻¹ r is taken as long as leaves the smallest residual, of lengths 1, 1/2, ... 1/16,
// but no longer than a cap; where A is nearly singular it is (AᵀA + |r|)⁻¹ Aᵀ r. A second step
// with the same factors follows where it helps. A start that a step with the Jacobian of a known
// point takes to this point is left out. _newton.py has the same in torch.

#pragma once

#include "vector.h"

#include <limits>
#include <numeric>

// Arguments of a call, as in _compiled.py. Arrays are contiguous.
struct Starts {
  Index starts, units, current, activation, known;  // known: number of known points
  Index few;                                        // starts for which no more work is done
  double tol, cap, unit;                            // unit: of the states
  const void *w_rec, *alpha, *drive;                // drive: (starts, units)
  void *h, *residual, *speed;                       // speed: length of the residual
  const Index *owner, *owner_known;                 // a start is drawn to points of its owner
  const void *points, *inverse;                     // known points and (I - J)⁻¹ there
  Index* drawn;                                     // the known point that each start leads to
};

namespace {

template <class T> class Newton : Starts {
  static constexpr T kTooLong = 100, kApproach = T(0.2);
  static constexpr Index kLengths = 5;
  const Index n = units, row = (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  Array<T> weight, transposed, rate;        // rows of W and of Wᵀ, and α
  Array<T> a, lower, pivot;                 // rows of A, then of U in any order; columns of L
  Array<T> d, at, to, left, slope, rates;   // drive, states, F, residuals, f', f(h)
  Array<T> rest, solution;                  // r on its way through L, and A⁻¹ r
  std::vector<Index> order;                 // order[k] is the row of A that became row k of U

  static T* out(void* data) { return static_cast<T*>(data); }
  static const T* in(const void* data) { return static_cast<const T*>(data); }

 public:
  explicit Newton(const Starts& starts)
      : Starts(starts), weight(n * row), transposed(n * row), rate(row), a(n * row),
        lower(n * row), pivot(row), d(kLengths * row), at(kLengths * row), to(kLengths * row),
        left(kLengths * row), slope(kLengths * row), rates(kLengths * row),
        rest(row), solution(row), order(n) {
    std::copy_n(in(alpha), n, rate.data());
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j)
        weight[i * row + j] = transposed[j * row + i] = in(w_rec)[i * n + j];
  }

  // Improve every start that has not converged, unless these are few; return how many.
  Index iterate() {
    std::vector<Index> active;
    for (Index s = 0; s < Starts::starts; ++s) {
      T& length = out(speed)[s];
      if (!(length > tol && length < std::numeric_limits<T>::infinity())) continue;
      if (known && (drawn[s] = drawn_to(s)) >= 0) length = std::numeric_limits<T>::infinity();
      else active.push_back(s);
    }
    if (Index(active.size()) <= few) return 0;
    for (const Index s : active) improve(s);
    return active.size();
  }

 private:
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

  // to = F(at), left = F(at) - at and slope = f', for m states at once.
  void map(Index m) {
    const Activation f{activation};
    if (current) respond<T>(f, at.data(), rates.data(), slope.data(), m * row);
    for (Index i = 0; i < m; ++i) std::copy_n(d.data(), row, &to[i * row]);
    multiply<T>(m, n, n, (current ? rates : at).data(), row, 1, transposed.data(), row, to.data(),
                row, true);
    if (!current) respond<T>(f, to.data(), to.data(), slope.data(), m * row);
    for (Index i = 0; i < m; ++i)
      for (Index k = 0; k < row; k += kLanes<T>) {
        const Vector<T> step = load(&to[i * row + k]) - load(&at[i * row + k]);
        store<T>(&left[i * row + k], load(&rate[k]) * step);
      }
  }

  // A = I - J, from the slopes of the state
  void set_up() {
    for (Index i = 0; i < n; ++i) {
      const Vector<T> gain = all(current ? -rate[i] : -rate[i] * slope[i]);
      for (Index k = 0; k < row; k += kLanes<T>) {
        const Vector<T> w = gain * load(&weight[i * row + k]);
        store<T>(&a[i * row + k], current ? w * load(&slope[k]) : w);
      }
      a[i * row + i] += rate[i];
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

  void improve(Index s) {
    T *const state = out(h) + s * n, *const r = out(residual) + s * n;
    std::copy_n(in(drive) + s * n, n, d.data());
    std::copy_n(state, n, at.data());
    map(1);
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
