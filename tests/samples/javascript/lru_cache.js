/**
 * A cache with a bound on its total size and an age for each entry. Entries form a doubly
 * linked list from the most to the least recently used; the map finds them by key.
 *
 * @template K, V
 */
export class LruCache {
  /**
   * @param {object} options
   * @param {number} options.maxSize  sum of the entries' sizes
   * @param {number} [options.maxAge] milliseconds after which an entry is stale
   * @param {(value: V, key: K) => number} [options.sizeOf]
   * @param {() => number} [options.now] the clock, for tests
   */
  constructor({ maxSize, maxAge = Infinity, sizeOf = () => 1, now = Date.now }) {
    if (!Number.isFinite(maxSize) || maxSize <= 0) {
      throw new RangeError(`maxSize must be a positive number, not ${maxSize}`);
    }
    this.maxSize = maxSize;
    this.maxAge = maxAge;
    this.sizeOf = sizeOf;
    this.now = now;
    this.map = new Map();
    this.size = 0;
    this.hits = 0;
    this.misses = 0;
    // The list is a ring through this sentinel, so no end needs a special case.
    this.ring = { key: null, value: null, size: 0, expires: 0 };
    this.ring.next = this.ring;
    this.ring.previous = this.ring;
  }

  get count() {
    return this.map.size;
  }

  get(key) {
    const entry = this.map.get(key);
    if (entry === undefined) {
      this.misses++;
      return undefined;
    }
    if (entry.expires <= this.now()) {
      this.#remove(entry);
      this.misses++;
      return undefined;
    }
    this.hits++;
    this.#unlink(entry);
    this.#linkFirst(entry);
    return entry.value;
  }

  set(key, value) {
    const size = this.sizeOf(value, key);
    if (size > this.maxSize) {
      this.delete(key);
      return false;
    }
    const old = this.map.get(key);
    if (old) {
      this.#remove(old);
    }
    while (this.size + size > this.maxSize) {
      this.#remove(this.ring.previous);
    }
    const entry = { key, value, size, expires: this.now() + this.maxAge };
    this.map.set(key, entry);
    this.size += size;
    this.#linkFirst(entry);
    return true;
  }

  delete(key) {
    const entry = this.map.get(key);
    if (!entry) {
      return false;
    }
    this.#remove(entry);
    return true;
  }

  /** Drops stale entries and returns how many there were. */
  prune() {
    const now = this.now();
    let dropped = 0;
    for (const entry of [...this.map.values()]) {
      if (entry.expires <= now) {
        this.#remove(entry);
        dropped += 1;
      }
    }
    return dropped;
  }

  *entries() {
    for (let entry = this.ring.next; entry !== this.ring; entry = entry.next) {
      yield [entry.key, entry.value];
    }
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  #linkFirst(entry) {
    entry.previous = this.ring;
    entry.next = this.ring.next;
    entry.next.previous = entry;
    this.ring.next = entry;
  }

  #unlink(entry) {
    entry.previous.next = entry.next;
    entry.next.previous = entry.previous;
  }

  #remove(entry) {
    this.#unlink(entry);
    this.map.delete(entry.key);
    this.size -= entry.size;
  }
}

/**
 * Wraps an asynchronous function so that calls with equal arguments share one result.
 * Calls that arrive while the first is still running wait for it; failures are not kept.
 */
export function memoize(compute, { keyOf = (...args) => JSON.stringify(args), ...options } = {}) {
  const cache = new LruCache({ maxSize: 500, ...options });
  const running = new Map();

  return async function memoized(...args) {
    const key = keyOf(...args);
    const cached = cache.get(key);
    if (cached !== undefined) {
      return cached.value;
    }
    if (running.has(key)) {
      return running.get(key);
    }
    const promise = Promise.resolve(compute.apply(this, args))
      .then((value) => {
        cache.set(key, { value });
        return value;
      })
      .finally(() => running.delete(key));
    running.set(key, promise);
    return promise;
  };
}
