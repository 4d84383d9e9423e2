// A fixed pool of worker threads with futures for results, and a parallel loop on top of it.
//
// Tasks run in the order in which they were submitted. The destructor finishes what is
// queued before it joins, so a task that was accepted always runs; submitting after
// shutdown has begun is an error the caller hears about.

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace pool {

class ThreadPool {
public:
    explicit ThreadPool(std::size_t threads = std::thread::hardware_concurrency())
    {
        if (threads == 0)
            threads = 1;
        workers_.reserve(threads);
        try {
            for (std::size_t i = 0; i < threads; ++i)
                workers_.emplace_back([this] { work(); });
        } catch (...) {
            shut_down();
            throw;
        }
    }

    ThreadPool(const ThreadPool &) = delete;
    ThreadPool &operator=(const ThreadPool &) = delete;

    ~ThreadPool() { shut_down(); }

    template <typename Function, typename... Args>
    auto submit(Function &&function, Args &&...args)
        -> std::future<std::invoke_result_t<Function, Args...>>
    {
        using Result = std::invoke_result_t<Function, Args...>;
        auto task = std::make_shared<std::packaged_task<Result()>>(
            std::bind(std::forward<Function>(function), std::forward<Args>(args)...));
        std::future<Result> result = task->get_future();
        {
            std::lock_guard<std::mutex> lock(mutex_);
            if (stopping_)
                throw std::runtime_error("the pool is shutting down");
            tasks_.emplace_back([task] { (*task)(); });
        }
        wake_.notify_one();
        return result;
    }

    std::size_t size() const noexcept { return workers_.size(); }

    std::size_t waiting() const
    {
        std::lock_guard<std::mutex> lock(mutex_);
        return tasks_.size();
    }

private:
    void work()
    {
        for (;;) {
            std::function<void()> task;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
                if (tasks_.empty())
                    return;
                task = std::move(tasks_.front());
                tasks_.pop_front();
            }
            task(); // a packaged_task keeps its exceptions for the future
        }
    }

    void shut_down() noexcept
    {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        for (auto &worker : workers_) {
            if (worker.joinable())
                worker.join();
        }
    }

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> tasks_;
    std::vector<std::thread> workers_;
    bool stopping_ = false;
};

// Calls body(i) for every i in [first, last), in chunks of at least `grain` indices. The
// first exception that a chunk throws is thrown again here, after all chunks have ended:
// the body may refer to locals of the caller.
template <typename Index, typename Body>
void parallel_for(ThreadPool &pool, Index first, Index last, Index grain, Body body)
{
    static_assert(std::is_integral<Index>::value, "parallel_for counts with integers");
    if (first >= last)
        return;

    const Index count = last - first;
    const Index chunks = std::max<Index>(1, std::min<Index>(count / std::max<Index>(grain, 1),
                                                            static_cast<Index>(pool.size() * 4)));
    std::vector<std::future<void>> running;
    running.reserve(static_cast<std::size_t>(chunks));
    for (Index chunk = 0; chunk < chunks; ++chunk) {
        const Index begin = first + count * chunk / chunks;
        const Index end = first + count * (chunk + 1) / chunks;
        running.push_back(pool.submit([begin, end, &body] {
            for (Index i = begin; i < end; ++i)
                body(i);
        }));
    }

    std::exception_ptr failure;
    for (auto &chunk : running) {
        try {
            chunk.get();
        } catch (...) {
            if (!failure)
                failure = std::current_exception();
        }
    }
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace pool

int main()
{
    pool::ThreadPool workers(4);
    std::vector<double> squares(100'000);

    pool::parallel_for<std::size_t>(workers, 0, squares.size(), 1024, [&](std::size_t i) {
        squares[i] = static_cast<double>(i) * static_cast<double>(i);
    });
    const double sum = std::accumulate(squares.begin(), squares.end(), 0.0);
    std::cout << "sum of squares: " << sum << '\n';

    auto failing = workers.submit([](int divisor) {
        if (divisor == 0)
            throw std::invalid_argument("divisor is zero");
        return 100 / divisor;
    }, 0);
    try {
        std::cout << failing.get() << '\n';
    } catch (const std::invalid_argument &error) {
        std::cerr << "caught: " << error.what() << '\n';
    }
    return 0;
}
