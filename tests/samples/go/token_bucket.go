// Package limiter limits how often clients may do something. Each client has a bucket of
// tokens that fills at a steady rate; a request takes one token or is turned away.
package limiter

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// ErrClosed is returned by Wait after Close.
var ErrClosed = errors.New("limiter: closed")

const shardCount = 32

// Clock tells the time; tests put their own in place.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Options describes a limiter. The zero value of Clock means the system's.
type Options struct {
	Rate  float64       // tokens a second
	Burst int           // tokens a full bucket holds
	Idle  time.Duration // buckets unused for so long are forgotten
	Clock Clock
}

type bucket struct {
	tokens float64
	last   time.Time
}

type shard struct {
	mu      sync.Mutex
	buckets map[string]*bucket
}

// Limiter holds one bucket a key. It may be used from many goroutines; keys are spread over
// shards so that they rarely wait for each other.
type Limiter struct {
	options Options
	seed    maphash.Seed
	shards  [shardCount]shard
	done    chan struct{}
	once    sync.Once
}

// New starts a limiter and its sweeper. Call Close when it is no longer needed.
func New(options Options) (*Limiter, error) {
	if options.Rate <= 0 || options.Burst <= 0 {
		return nil, fmt.Errorf("limiter: rate %g and burst %d must be positive",
			options.Rate, options.Burst)
	}
	if options.Clock == nil {
		options.Clock = systemClock{}
	}
	if options.Idle == 0 {
		options.Idle = 10 * time.Minute
	}
	l := &Limiter{options: options, seed: maphash.MakeSeed(), done: make(chan struct{})}
	for i := range l.shards {
		l.shards[i].buckets = make(map[string]*bucket)
	}
	go l.sweep()
	return l, nil
}

func (l *Limiter) shardOf(key string) *shard {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(key)
	return &l.shards[h.Sum64()%shardCount]
}

// take removes one token. When there is none it reports how long until there is.
func (l *Limiter) take(key string) (ok bool, wait time.Duration) {
	now := l.options.Clock.Now()
	s := l.shardOf(key)
	s.mu.Lock()
	defer s.mu.Unlock()

	b, found := s.buckets[key]
	if !found {
		b = &bucket{tokens: float64(l.options.Burst), last: now}
		s.buckets[key] = b
	}
	if elapsed := now.Sub(b.last).Seconds(); elapsed > 0 {
		b.tokens += elapsed * l.options.Rate
		if limit := float64(l.options.Burst); b.tokens > limit {
			b.tokens = limit
		}
		b.last = now
	}
	if b.tokens >= 1 {
		b.tokens--
		return true, 0
	}
	missing := (1 - b.tokens) / l.options.Rate
	return false, time.Duration(missing * float64(time.Second))
}

// Allow reports whether key may go on now.
func (l *Limiter) Allow(key string) bool {
	ok, _ := l.take(key)
	return ok
}

// Wait blocks until key may go on, the context ends or the limiter is closed.
func (l *Limiter) Wait(ctx context.Context, key string) error {
	for {
		ok, pause := l.take(key)
		if ok {
			return nil
		}
		select {
		case <-l.options.Clock.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		case <-l.done:
			return ErrClosed
		}
	}
}

func (l *Limiter) sweep() {
	for {
		select {
		case <-l.done:
			return
		case now := <-l.options.Clock.After(l.options.Idle):
			for i := range l.shards {
				s := &l.shards[i]
				s.mu.Lock()
				for key, b := range s.buckets {
					if now.Sub(b.last) > l.options.Idle {
						delete(s.buckets, key)
					}
				}
				s.mu.Unlock()
			}
		}
	}
}

// Close stops the sweeper and ends all waits. It may be called more than once.
func (l *Limiter) Close() {
	l.once.Do(func() { close(l.done) })
}

// Middleware limits requests by the client's address.
func (l *Limiter) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = r.RemoteAddr
		}
		ok, pause := l.take(host)
		switch {
		case ok:
			next.ServeHTTP(w, r)
		case r.Method == http.MethodHead:
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			seconds := int(pause.Seconds()) + 1
			w.Header().Set("Retry-After", strconv.Itoa(seconds))
			http.Error(w, "too many requests", http.StatusTooManyRequests)
		}
	})
}
