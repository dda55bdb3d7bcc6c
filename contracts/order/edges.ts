import type { Program } from "../../spec/program.ts";
import type { Facts } from "../across.ts";
import { readOrder } from "./collect.ts";
import type { OrderClass } from "./classes.ts";

/** Nobody gets past `from` before `to` is there: one was asked for while the other was held, or stands behind it. */
export interface OrderEdge {
  readonly from: OrderClass;
  readonly to: OrderClass;
  /** The shortest program seen in which it shows, and the two events that show it. */
  readonly program: Program;
  readonly outer: number;
  readonly inner: number;
}

/** The edges seen so far by `from > to`. */
export type OrderEdges = Record<string, OrderEdge>;

export function edgeKey({ from, to }: Pick<OrderEdge, "from" | "to">): string {
  return `${from} > ${to}`;
}

function lengthOf({ program: { steps, schedule, failures } }: OrderEdge): number {
  return steps.length + schedule.length + failures.length;
}

function textOf({ program, outer, inner }: OrderEdge): string {
  return JSON.stringify([outer, inner, program]);
}

/** A total order, so that it does not matter which of two was seen first. */
function isShorter(first: OrderEdge, second: OrderEdge): boolean {
  const difference = lengthOf(first) - lengthOf(second) || first.inner - second.inner || first.outer - second.outer;
  return difference === 0 ? textOf(first) < textOf(second) : difference < 0;
}

/** Keeps the shorter of two programs that show the same. */
export function addEdge(edges: OrderEdges, edge: OrderEdge): void {
  const key = edgeKey(edge);
  const known = edges[key];
  if (known === undefined || isShorter(edge, known)) edges[key] = edge;
}

/** In which order classes of locks are taken and waited for. */
export const lockOrder: Facts<OrderEdges> = {
  name: "lockOrder",
  empty: () => ({}),
  collect(into, { program, events }) {
    readOrder(program.setup, events, (from, to, outer, inner) => addEdge(into, { from, to, program, outer, inner }));
  },
  merge(into, other) {
    for (const edge of Object.values(other)) addEdge(into, edge);
  },
};
