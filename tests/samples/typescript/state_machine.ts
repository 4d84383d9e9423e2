/**
 * Finite state machines whose states, events and transitions are checked by the compiler.
 *
 * A machine is described by a plain object; `interpret` runs it. Guards decide whether a
 * transition is taken, actions happen while it is, and timers move on by themselves.
 */

export type EventOf<E extends { type: string }, T extends E['type']> = Extract<E, { type: T }>;

export interface Transition<S extends string, C, E> {
  readonly target: S;
  readonly when?: (context: Readonly<C>, event: E) => boolean;
  readonly update?: (context: Readonly<C>, event: E) => Partial<C>;
}

export interface StateNode<S extends string, C, E extends { type: string }> {
  readonly on?: {
    readonly [T in E['type']]?: Transition<S, C, EventOf<E, T>> | Transition<S, C, EventOf<E, T>>[];
  };
  readonly after?: { readonly delay: number; readonly target: S };
  readonly entry?: (context: Readonly<C>) => void;
  readonly exit?: (context: Readonly<C>) => void;
  readonly final?: boolean;
}

export interface Machine<S extends string, C, E extends { type: string }> {
  readonly initial: S;
  readonly context: C;
  readonly states: Record<S, StateNode<S, C, E>>;
}

export interface Snapshot<S extends string, C> {
  readonly state: S;
  readonly context: Readonly<C>;
  readonly done: boolean;
}

type Listener<S extends string, C> = (snapshot: Snapshot<S, C>) => void;

export class MachineError extends Error {
  constructor(
    message: string,
    public readonly state: string,
  ) {
    super(`${message} (in state "${state}")`);
    this.name = 'MachineError';
  }
}

export class Interpreter<S extends string, C extends object, E extends { type: string }> {
  private current: S;
  private context: C;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly queue: E[] = [];
  private readonly listeners = new Set<Listener<S, C>>();
  private busy = false;

  constructor(private readonly machine: Machine<S, C, E>) {
    this.current = machine.initial;
    this.context = { ...machine.context };
  }

  get snapshot(): Snapshot<S, C> {
    return {
      state: this.current,
      context: this.context,
      done: this.node.final === true,
    };
  }

  private get node(): StateNode<S, C, E> {
    return this.machine.states[this.current];
  }

  start(): this {
    this.node.entry?.(this.context);
    this.armTimer();
    return this;
  }

  stop(): void {
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.timer = undefined;
    this.listeners.clear();
  }

  subscribe(listener: Listener<S, C>): () => void {
    this.listeners.add(listener);
    listener(this.snapshot);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Events sent from inside an action wait until the running transition is complete. */
  send(event: E): void {
    this.queue.push(event);
    if (this.busy) return;
    this.busy = true;
    try {
      let next: E | undefined;
      while ((next = this.queue.shift()) !== undefined) {
        this.step(next);
      }
    } finally {
      this.busy = false;
    }
  }

  private step(event: E): void {
    const entry = this.node.on?.[event.type as E['type']];
    if (!entry) return;
    const candidates = (Array.isArray(entry) ? entry : [entry]) as Transition<S, C, E>[];
    const chosen = candidates.find((t) => t.when === undefined || t.when(this.context, event));
    if (!chosen) return;
    if (chosen.update) {
      this.context = { ...this.context, ...chosen.update(this.context, event) };
    }
    this.moveTo(chosen.target);
  }

  private moveTo(target: S): void {
    if (!(target in this.machine.states)) {
      throw new MachineError(`there is no state "${target}"`, this.current);
    }
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.node.exit?.(this.context);
    this.current = target;
    this.node.entry?.(this.context);
    this.armTimer();
    for (const listener of [...this.listeners]) {
      listener(this.snapshot);
    }
  }

  private armTimer(): void {
    const after = this.node.after;
    if (!after) return;
    this.timer = setTimeout(() => this.moveTo(after.target), after.delay);
  }
}

export function interpret<S extends string, C extends object, E extends { type: string }>(
  machine: Machine<S, C, E>,
): Interpreter<S, C, E> {
  return new Interpreter(machine);
}

// ---- An example: a connection that comes back by itself --------------------------------

type ConnectionState = 'offline' | 'connecting' | 'online' | 'failed';

type ConnectionEvent =
  | { type: 'connect'; url: string }
  | { type: 'opened' }
  | { type: 'closed'; code: number };

interface ConnectionContext {
  url: string | null;
  attempts: number;
}

export const connection: Machine<ConnectionState, ConnectionContext, ConnectionEvent> = {
  initial: 'offline',
  context: { url: null, attempts: 0 },
  states: {
    offline: {
      on: { connect: { target: 'connecting', update: (_, event) => ({ url: event.url }) } },
    },
    connecting: {
      after: { delay: 10_000, target: 'offline' },
      on: {
        opened: { target: 'online', update: () => ({ attempts: 0 }) },
        closed: [
          {
            target: 'connecting',
            when: (context, event) => context.attempts < 3 && event.code !== 4001,
            update: (context) => ({ attempts: context.attempts + 1 }),
          },
          { target: 'failed' },
        ],
      },
    },
    online: { on: { closed: { target: 'connecting' } } },
    failed: { final: true },
  },
};
