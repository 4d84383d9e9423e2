import { readFileSync } from 'node:fs';

/** A tokenizer and evaluator for a small template language: text with {{ expressions }}. */

export enum TokenKind {
  Text = 'text',
  Open = 'open',
  Close = 'close',
  Name = 'name',
  String = 'string',
  Number = 'number',
  Dot = 'dot',
  Pipe = 'pipe',
  End = 'end',
}

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly offset: number;
}

export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };
export type Filter = (value: Value, ...args: Value[]) => Value;

export class TemplateError extends Error {
  constructor(message: string, readonly source: string, readonly offset: number) {
    const before = source.slice(0, offset);
    const line = before.split('\n').length;
    const column = offset - before.lastIndexOf('\n');
    super(`${line}:${column}: ${message}`);
  }
}

const SYMBOLS: ReadonlyMap<string, TokenKind> = new Map([
  ['.', TokenKind.Dot],
  ['|', TokenKind.Pipe],
]);

export function* tokenize(source: string): Generator<Token, void, undefined> {
  let offset = 0;
  while (offset < source.length) {
    const open = source.indexOf('{{', offset);
    if (open < 0) {
      yield { kind: TokenKind.Text, text: source.slice(offset), offset };
      break;
    }
    if (open > offset) {
      yield { kind: TokenKind.Text, text: source.slice(offset, open), offset };
    }
    yield { kind: TokenKind.Open, text: '{{', offset: open };
    offset = yield* tokenizeExpression(source, open + 2);
  }
  yield { kind: TokenKind.End, text: '', offset: source.length };
}

function* tokenizeExpression(source: string, start: number): Generator<Token, number, undefined> {
  let offset = start;
  for (;;) {
    while (/\s/.test(source[offset] ?? '')) offset++;
    if (offset >= source.length) {
      throw new TemplateError('"{{" is not closed', source, start - 2);
    }
    if (source.startsWith('}}', offset)) {
      yield { kind: TokenKind.Close, text: '}}', offset };
      return offset + 2;
    }
    const rest = source.slice(offset);
    const symbol = SYMBOLS.get(rest[0]!);
    let match: RegExpMatchArray | null;
    if (symbol !== undefined) {
      yield { kind: symbol, text: rest[0]!, offset };
      offset += 1;
    } else if ((match = rest.match(/^[A-Za-z_]\w*/))) {
      yield { kind: TokenKind.Name, text: match[0], offset };
      offset += match[0].length;
    } else if ((match = rest.match(/^-?\d+(\.\d+)?/))) {
      yield { kind: TokenKind.Number, text: match[0], offset };
      offset += match[0].length;
    } else if ((match = rest.match(/^"([^"\\]|\\.)*"/))) {
      yield { kind: TokenKind.String, text: JSON.parse(match[0]) as string, offset };
      offset += match[0].length;
    } else {
      throw new TemplateError(`unexpected "${rest[0]}"`, source, offset);
    }
  }
}

const FILTERS: Record<string, Filter> = {
  upper: (value) => String(value).toUpperCase(),
  join: (value, separator = ', ') =>
    Array.isArray(value) ? value.map(String).join(String(separator)) : String(value),
  default: (value, fallback) => (value === null || value === '' ? fallback ?? '' : value),
  round: (value, digits = 0) => {
    const factor = 10 ** Number(digits);
    return Math.round(Number(value) * factor) / factor;
  },
};

export class Template {
  private readonly tokens: Token[];
  private position = 0;

  constructor(
    private readonly source: string,
    private readonly filters: Readonly<Record<string, Filter>> = FILTERS,
  ) {
    this.tokens = [...tokenize(source)];
  }

  static fromFile(path: string): Template {
    return new Template(readFileSync(path, 'utf8'));
  }

  render(data: Record<string, Value>): string {
    this.position = 0;
    let output = '';
    for (;;) {
      const token = this.next();
      switch (token.kind) {
        case TokenKind.End:
          return output;
        case TokenKind.Text:
          output += token.text;
          break;
        case TokenKind.Open: {
          const value = this.expression(data);
          output += value === null ? '' : String(value);
          this.expect(TokenKind.Close);
          break;
        }
        default:
          throw new TemplateError(`unexpected ${token.kind}`, this.source, token.offset);
      }
    }
  }

  private get peek(): Token {
    return this.tokens[this.position]!;
  }

  private next(): Token {
    return this.tokens[this.position++]!;
  }

  private expect(kind: TokenKind): Token {
    const token = this.next();
    if (token.kind !== kind) {
      throw new TemplateError(`expected ${kind}, found "${token.text}"`, this.source, token.offset);
    }
    return token;
  }

  private expression(data: Record<string, Value>): Value {
    let value = this.primary(data);
    while (this.peek.kind === TokenKind.Pipe) {
      this.next();
      const name = this.expect(TokenKind.Name);
      const filter = this.filters[name.text];
      if (filter === undefined) {
        throw new TemplateError(`there is no filter "${name.text}"`, this.source, name.offset);
      }
      const args: Value[] = [];
      while (this.peek.kind === TokenKind.String || this.peek.kind === TokenKind.Number) {
        args.push(this.primary(data));
      }
      value = filter(value, ...args);
    }
    return value;
  }

  private primary(data: Record<string, Value>): Value {
    const token = this.next();
    if (token.kind === TokenKind.String) return token.text;
    if (token.kind === TokenKind.Number) return Number(token.text);
    if (token.kind !== TokenKind.Name) {
      throw new TemplateError(`expected a value`, this.source, token.offset);
    }
    let value: Value = data[token.text] ?? null;
    while (this.peek.kind === TokenKind.Dot) {
      this.next();
      const key = this.expect(TokenKind.Name).text;
      value = isRecord(value) ? value[key] ?? null : null;
    }
    return value;
  }
}

function isRecord(value: Value): value is { [key: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
