// A team of threads that share the work of a call.
//
// Starting a thread takes as long as a short sequence, and so does waking one. In training, some
// tenths of a millisecond pass between two calls. An idle thread therefore looks for work for that
// long before it sleeps.

#pragma once

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

namespace {

// Shards of work: a thread that is free takes the next one.
struct Job {
  std::function<void(std::int64_t)> work;
  std::int64_t shards;
  std::atomic<std::int64_t> seats;  // how many threads may help the caller
  std::atomic<std::int64_t> next{0}, done{0};

  void help() {
    for (std::int64_t s; (s = next++) < shards; ++done) work(s);
  }
};

class Team {
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::microseconds kPatience{500};
  static constexpr int kLongest = 63;  // calls

  std::mutex mutex;
  std::condition_variable wake;
  std::shared_ptr<Job> latest;
  std::atomic<std::int64_t> jobs{0};
  std::int64_t members = 0;
  std::atomic<int> pause{0}, alone{0};  // calls without help: as last decided, and still left

  void serve() {
    for (std::int64_t seen = 0;;) {
      const auto end = Clock::now() + kPatience;
      while (jobs == seen && Clock::now() < end) std::this_thread::yield();
      std::unique_lock<std::mutex> lock(mutex);
      wake.wait(lock, [&] { return jobs != seen; });
      seen = jobs;
      const std::shared_ptr<Job> job = latest;
      lock.unlock();
      if (job->seats-- > 0) job->help();
    }
  }

  // If the caller waits longer than it works, the other threads do not get to run, as on a busy
  // machine. The next calls then do without them, twice as many each time.
  void judge(Clock::duration worked, Clock::duration waited) {
    pause = waited > worked ? std::min(2 * pause + 1, kLongest) : 0;
    alone = int(pause);
  }

  void post(const std::shared_ptr<Job>& job) {
    const std::lock_guard<std::mutex> lock(mutex);
    try {
      for (; members < job->seats; ++members) std::thread(&Team::serve, this).detach();
    } catch (const std::system_error&) {  // no more threads are available: fewer will do
    }
    latest = job;
    ++jobs;
  }

 public:
  // Call work(shard) for every shard, in this thread and at most threads - 1 others. The call
  // waits for shards, not for threads: one that does not get to run delays nothing.
  void share(std::int64_t shards, std::int64_t threads, std::function<void(std::int64_t)> work) {
    const auto job = std::make_shared<Job>();
    job->work = std::move(work);
    job->shards = shards;
    job->seats = std::min(threads, shards) - 1;
    const bool is_shared = job->seats > 0 && alone-- <= 0;
    if (is_shared) {
      post(job);
      wake.notify_all();
    }
    const auto start = Clock::now();
    job->help();
    const auto middle = Clock::now();
    while (job->done < shards) std::this_thread::yield();
    if (is_shared) judge(middle - start, Clock::now() - middle);
  }

  // The team of this process, never destroyed. A forked process has none of its parent's threads.
  static Team& here() {
    static Team* team = [] {
      pthread_atfork(nullptr, nullptr, [] { team = new Team; });
      return new Team;
    }();
    return *team;
  }
};

}  // namespace
