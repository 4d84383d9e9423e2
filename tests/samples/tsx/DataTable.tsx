import React, { useCallback, useEffect, useMemo, useRef, useState } from 'react';

type Direction = 'ascending' | 'descending';

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly value: (row: Row) => string | number | Date;
  readonly render?: (row: Row) => React.ReactNode;
  readonly align?: 'left' | 'right';
  readonly sortable?: boolean;
}

export interface DataTableProps<Row> {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly pageSize?: number;
  readonly emptyText?: string;
  readonly onOpen?: (row: Row) => void;
}

interface Sorting {
  readonly column: string;
  readonly direction: Direction;
}

function compare(a: string | number | Date, b: string | number | Date): number {
  if (typeof a === 'string' && typeof b === 'string') {
    return a.localeCompare(b, undefined, { numeric: true });
  }
  return Number(a) - Number(b);
}

/** Calls back when the value has not changed for `delay` milliseconds. */
function useDebounced<T>(value: T, delay: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(value), delay);
    return () => window.clearTimeout(timer);
  }, [value, delay]);
  return settled;
}

function Pager(props: { page: number; count: number; onChange: (page: number) => void }) {
  const { page, count, onChange } = props;
  if (count <= 1) return null;
  return (
    <nav className="pager" aria-label="Pages">
      <button type="button" disabled={page === 0} onClick={() => onChange(page - 1)}>
        Previous
      </button>
      <span>
        Page {page + 1} of {count}
      </span>
      <button type="button" disabled={page >= count - 1} onClick={() => onChange(page + 1)}>
        Next
      </button>
    </nav>
  );
}

export function DataTable<Row>({
  rows,
  columns,
  keyOf,
  pageSize = 25,
  emptyText = 'Nothing to show',
  onOpen,
}: DataTableProps<Row>): JSX.Element {
  const [sorting, setSorting] = useState<Sorting | null>(null);
  const [filter, setFilter] = useState('');
  const [page, setPage] = useState(0);
  const body = useRef<HTMLTableSectionElement>(null);
  const wanted = useDebounced(filter.trim().toLowerCase(), 150);

  const visible = useMemo(() => {
    const matching = wanted
      ? rows.filter((row) =>
          columns.some((column) => String(column.value(row)).toLowerCase().includes(wanted)),
        )
      : [...rows];
    const column = sorting && columns.find(({ id }) => id === sorting.column);
    if (sorting && column) {
      const sign = sorting.direction === 'ascending' ? 1 : -1;
      matching.sort((a, b) => sign * compare(column.value(a), column.value(b)));
    }
    return matching;
  }, [rows, columns, sorting, wanted]);

  const pages = Math.max(1, Math.ceil(visible.length / pageSize));
  const shown = visible.slice(page * pageSize, (page + 1) * pageSize);

  // A narrower filter may leave the present page empty.
  useEffect(() => {
    if (page >= pages) setPage(pages - 1);
  }, [page, pages]);

  const toggleSorting = useCallback((column: string) => {
    setSorting((old) => {
      if (old?.column !== column) return { column, direction: 'ascending' };
      return old.direction === 'ascending' ? { column, direction: 'descending' } : null;
    });
  }, []);

  const moveFocus = (event: React.KeyboardEvent, index: number) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      const next = body.current?.children[index + step] as HTMLElement | undefined;
      next?.focus();
    } else if (event.key === 'Enter') {
      onOpen?.(shown[index]!);
    }
  };

  return (
    <section className="data-table">
      <label>
        Search
        <input
          type="search"
          value={filter}
          placeholder="Filter rows&hellip;"
          onChange={(event) => setFilter(event.target.value)}
        />
      </label>
      <table>
        <thead>
          <tr>
            {columns.map((column) => {
              const active = sorting?.column === column.id;
              return (
                <th key={column.id} aria-sort={active ? sorting.direction : 'none'}>
                  {column.sortable === false ? (
                    column.title
                  ) : (
                    <button type="button" onClick={() => toggleSorting(column.id)}>
                      {column.title} {active && (sorting.direction === 'ascending' ? '▲' : '▼')}
                    </button>
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody ref={body}>
          {shown.length === 0 && (
            <tr>
              <td colSpan={columns.length}>{emptyText}</td>
            </tr>
          )}
          {shown.map((row, index) => (
            <tr key={keyOf(row)} tabIndex={0} onKeyDown={(event) => moveFocus(event, index)}>
              {columns.map(({ id, align = 'left', render, value }) => (
                <td key={id} style={{ textAlign: align }}>
                  {render ? render(row) : String(value(row))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <Pager page={page} count={pages} onChange={setPage} />
    </section>
  );
}
