import { across, type Across, type JointViolation, type Share } from "../across.ts";
import { printClass, type OrderClass } from "./classes.ts";
import { edgeKey, lockOrder, type OrderEdge, type OrderEdges } from "./edges.ts";

/** A way round: each edge begins where the one before ends, the first where the last ends. */
type Cycle = readonly OrderEdge[];

/** Ids of the rules that a cycle can break; each cycle breaks one. */
type CycleRule = "FENCE-33" | "MOVE-06" | "REV-39" | "MOVE-28" | "RESV-03";

/** Whose promise a cycle breaks. A fence or a private lock does not belong there, whatever else does. */
function ruleOf(cycle: Cycle): CycleRule {
  const through = (test: (name: OrderClass) => boolean) => cycle.some(({ from }) => test(from));
  if (through((name) => name === "fence")) return "FENCE-33";
  if (through((name) => name.startsWith("importer "))) return "MOVE-06";
  if (through((name) => name.startsWith("exporter "))) return "REV-39";
  return through((name) => name === "unmapped") ? "MOVE-28" : "RESV-03";
}

/** The half of a rule that no order of locks and waits, over all runs, goes round in a circle. */
export function noCycle(rule: CycleRule): Across {
  return across<OrderEdges>({
    facts: lockOrder,
    judge: (edges) => {
      const cycle = shortestCycles(edges).find((found) => ruleOf(found) === rule);
      return cycle === undefined ? null : told(cycle);
    },
    share: (edges, fact) => (edges[fact] === undefined ? null : shareOf(edges[fact])),
  });
}

/** For each class the shortest way back to it, the shortest first; of equal ones the first by name. */
function shortestCycles(edges: OrderEdges): readonly Cycle[] {
  const next = new Map<OrderClass, OrderEdge[]>();
  for (const key of Object.keys(edges).toSorted()) {
    const edge = edges[key]!;
    const known = next.get(edge.from);
    if (known === undefined) next.set(edge.from, [edge]);
    else known.push(edge);
  }
  const found = [...next].flatMap(([start]) => wayBack(start, next) ?? []);
  return found.toSorted((first, second) => first.length - second.length);
}

function wayBack(start: OrderClass, next: ReadonlyMap<OrderClass, readonly OrderEdge[]>): readonly [Cycle] | null {
  const ways: Cycle[] = (next.get(start) ?? []).map((edge) => [edge]);
  const seen = new Set(ways.map(([edge]) => edge!.to));
  for (const way of ways)
    for (const edge of next.get(way.at(-1)!.to) ?? []) {
      if (edge.to === start) return [[...way, edge]];
      if (seen.has(edge.to)) continue;
      seen.add(edge.to);
      ways.push([...way, edge]);
    }
  return null;
}

function told(cycle: Cycle): Omit<JointViolation, "rule"> {
  const shares = cycle.map(shareOf);
  const facts = shares.map((share) => share.why).join(", and in another program ");
  return { why: `${facts}: tasks that do this at the same time wait for each other for ever`, shares };
}

function shareOf(edge: OrderEdge): Share {
  return {
    fact: edgeKey(edge),
    program: edge.program,
    seq: edge.inner,
    evidence: [edge.outer, edge.inner].map((seq) => ({ kind: "event", seq })),
    why: whyOf(edge),
  };
}

/** What one program shows: a lock that is held, or a wait whose end needs something else first. */
function whyOf({ from, to }: OrderEdge): string {
  const asked = to.startsWith("wait ") || to === "fence" || to === "unmapped" ? "waited for" : "asked for";
  const outer = printClass(from);
  if (from === "fence") return `${printClass(to)} is ${asked} on the way to the signal of a fence`;
  if (from === "unmapped") return `${printClass(to)} is ${asked} on the way to the unmap that an exporter waits for`;
  if (from.startsWith("wait ")) return `${printClass(to)} is ${asked} by whoever ends the wait for ${outer}`;
  return `${printClass(to)} is ${asked} while ${outer} is held`;
}
