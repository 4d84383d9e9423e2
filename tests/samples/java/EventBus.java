package samples.events;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;

/**
 * Hands events to the listeners of their class and of every class above it.
 *
 * <p>A listener that throws does not keep the others from hearing the event. Listeners may
 * subscribe and cancel while an event is being delivered; they are seen from the next event
 * on.
 */
public class EventBus {
    private static final Logger LOG = Logger.getLogger(EventBus.class.getName());

    private final Map<Class<?>, List<Subscription<?>>> subscriptions = new ConcurrentHashMap<>();
    private final Executor executor;
    private final Duration slow;
    private final AtomicLong delivered = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();

    /** A handle to cancel a subscription; closing twice does no harm. */
    public final class Subscription<E> implements AutoCloseable {
        private final Class<E> type;
        private final Consumer<? super E> listener;
        private final Predicate<? super E> filter;
        private volatile boolean open = true;

        private Subscription(
                Class<E> type, Consumer<? super E> listener, Predicate<? super E> filter) {
            this.type = type;
            this.listener = listener;
            this.filter = filter;
        }

        private void deliver(Object event) {
            if (!open) {
                return;
            }
            E cast = type.cast(event);
            long start = System.nanoTime();
            try {
                if (filter.test(cast)) {
                    listener.accept(cast);
                    delivered.incrementAndGet();
                }
            } catch (RuntimeException error) {
                failed.incrementAndGet();
                LOG.log(Level.WARNING, "a listener of " + type.getSimpleName() + " failed", error);
            } finally {
                long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
                if (took > slow.toMillis()) {
                    LOG.warning(() -> "a listener of " + type.getSimpleName() + " took " + took + " ms");
                }
            }
        }

        @Override
        public void close() {
            open = false;
            subscriptions.computeIfPresent(type, (key, list) -> {
                list.remove(this);
                return list.isEmpty() ? null : list;
            });
        }
    }

    public EventBus(Executor executor) {
        this(executor, Duration.ofMillis(100));
    }

    public EventBus(Executor executor, Duration slow) {
        this.executor = executor;
        this.slow = slow;
    }

    public <E> Subscription<E> on(Class<E> type, Consumer<? super E> listener) {
        return on(type, event -> true, listener);
    }

    public <E> Subscription<E> on(
            Class<E> type, Predicate<? super E> filter, Consumer<? super E> listener) {
        Subscription<E> subscription = new Subscription<>(type, listener, filter);
        subscriptions.computeIfAbsent(type, key -> new CopyOnWriteArrayList<>()).add(subscription);
        return subscription;
    }

    /**
     * Subscribes without keeping the owner alive: once it has been collected the
     * subscription cancels itself. The listener must not capture the owner.
     */
    public <O, E> Subscription<E> onWeakly(O owner, Class<E> type, WeakListener<O, E> listener) {
        WeakReference<O> reference = new WeakReference<>(owner);
        Object[] self = new Object[1];
        Subscription<E> subscription = on(type, event -> {
            O target = reference.get();
            if (target != null) {
                listener.accept(target, event);
            } else if (self[0] instanceof Subscription) {
                ((Subscription<?>) self[0]).close();
            }
        });
        self[0] = subscription;
        return subscription;
    }

    @FunctionalInterface
    public interface WeakListener<O, E> {
        void accept(O owner, E event);
    }

    public int publish(Object event) {
        int count = 0;
        for (Class<?> type = event.getClass(); type != null; type = type.getSuperclass()) {
            count += publishTo(type, event);
            for (Class<?> implemented : type.getInterfaces()) {
                count += publishTo(implemented, event);
            }
        }
        if (count == 0) {
            LOG.fine("nobody listens to " + event);
        }
        return count;
    }

    private int publishTo(Class<?> type, Object event) {
        List<Subscription<?>> listeners = subscriptions.get(type);
        if (listeners == null) {
            return 0;
        }
        for (Subscription<?> subscription : listeners) {
            executor.execute(() -> subscription.deliver(event));
        }
        return listeners.size();
    }

    public String statistics() {
        String listeners = subscriptions.entrySet().stream()
                .map(entry -> entry.getKey().getSimpleName() + ": " + entry.getValue().size())
                .sorted()
                .collect(Collectors.joining(", ", "{", "}"));
        return String.format(
                "delivered %d, failed %d, listeners %s", delivered.get(), failed.get(), listeners);
    }
}
