import React, { createContext, useContext, useId, useReducer, type FormEvent } from 'react';

/** A form whose fields validate themselves; the rules are data, the state is a reducer. */

type Rule = (value: string, all: Values) => string | undefined;
type Values = Record<string, string>;

interface State {
  values: Values;
  touched: ReadonlySet<string>;
  status: 'editing' | 'sending' | 'sent' | 'failed';
  message?: string;
}

type Action =
  | { type: 'change'; name: string; value: string }
  | { type: 'blur'; name: string }
  | { type: 'submit' }
  | { type: 'done' }
  | { type: 'error'; message: string };

const required =
  (label: string): Rule =>
  (value) =>
    value.trim() === '' ? `${label} is needed` : undefined;

const minimum =
  (length: number): Rule =>
  (value) =>
    value.length < length ? `At least ${length} characters, please` : undefined;

const email: Rule = (value) =>
  /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(value) ? undefined : 'This is not an e-mail address';

const sameAs =
  (other: string, label: string): Rule =>
  (value, all) =>
    value === all[other] ? undefined : `Must be the same as ${label}`;

const RULES: Readonly<Record<string, readonly Rule[]>> = {
  name: [required('Your name')],
  email: [required('An address'), email],
  password: [minimum(10)],
  repeat: [sameAs('password', 'the password')],
};

function firstError(name: string, values: Values): string | undefined {
  for (const rule of RULES[name] ?? []) {
    const error = rule(values[name] ?? '', values);
    if (error) return error;
  }
  return undefined;
}

function reducer(state: State, action: Action): State {
  switch (action.type) {
    case 'change':
      return {
        ...state,
        status: 'editing',
        values: { ...state.values, [action.name]: action.value },
      };
    case 'blur':
      return { ...state, touched: new Set([...state.touched, action.name]) };
    case 'submit': {
      const touched = new Set(Object.keys(RULES));
      const valid = [...touched].every((name) => !firstError(name, state.values));
      return { ...state, touched, status: valid ? 'sending' : 'editing' };
    }
    case 'done':
      return { ...state, status: 'sent', message: undefined };
    case 'error':
      return { ...state, status: 'failed', message: action.message };
  }
}

interface FormContext {
  state: State;
  dispatch: React.Dispatch<Action>;
}

const Form = createContext<FormContext | null>(null);

function useForm(): FormContext {
  const form = useContext(Form);
  if (!form) {
    throw new Error('a field must stand inside a form');
  }
  return form;
}

type FieldProps = { name: string; label: string } & Omit<
  React.InputHTMLAttributes<HTMLInputElement>,
  'name' | 'value' | 'onChange'
>;

function Field({ name, label, ...input }: FieldProps) {
  const id = useId();
  const { state, dispatch } = useForm();
  const error = state.touched.has(name) ? firstError(name, state.values) : undefined;
  return (
    <div className={error ? 'field field--bad' : 'field'}>
      <label htmlFor={id}>{label}</label>
      <input
        {...input}
        id={id}
        name={name}
        value={state.values[name] ?? ''}
        aria-invalid={error !== undefined}
        aria-describedby={error ? `${id}-error` : undefined}
        onChange={(event) => dispatch({ type: 'change', name, value: event.target.value })}
        onBlur={() => dispatch({ type: 'blur', name })}
      />
      {error && (
        <p id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

export interface SignupFormProps {
  send: (values: Values) => Promise<void>;
}

export default function SignupForm({ send }: SignupFormProps) {
  const [state, dispatch] = useReducer(reducer, {
    values: {},
    touched: new Set<string>(),
    status: 'editing',
  });

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    dispatch({ type: 'submit' });
    if (Object.keys(RULES).some((name) => firstError(name, state.values))) {
      return;
    }
    try {
      await send(state.values);
      dispatch({ type: 'done' });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      dispatch({ type: 'error', message });
    }
  }

  if (state.status === 'sent') {
    return <p>Thank you, {state.values.name}! Please look into your mail.</p>;
  }
  return (
    <Form.Provider value={{ state, dispatch }}>
      <form onSubmit={submit} noValidate>
        <Field name="name" label="Name" autoComplete="name" />
        <Field name="email" label="E-mail" type="email" />
        <Field name="password" label="Password" type="password" />
        <Field name="repeat" label="Password again" type="password" />
        {state.status === 'failed' && <p role="alert">{state.message ?? 'Something failed'}</p>}
        <button disabled={state.status === 'sending'}>
          {state.status === 'sending' ? <>Sending&hellip;</> : 'Sign up'}
        </button>
      </form>
    </Form.Provider>
  );
}
