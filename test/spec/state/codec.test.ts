import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hash128 } from "../../../spec/hash.ts";
import { diffStates, encodeState, hashState, printChange, printState } from "../../../spec/state/codec.ts";
import { initialState, stateSchema, type State, type TableName } from "../../../spec/state/state.ts";

const tables = Object.keys(stateSchema) as readonly TableName[];
type Rows = Map<string, Record<string, unknown>>;
const rowsOf = (state: State, table: TableName): Rows => state[table] as unknown as Rows;
const fieldsOf = (table: TableName): Readonly<Record<string, { readonly role: string }>> => stateSchema[table];

const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.boolean(),
  fc.nat(5),
  fc.constant(null),
  fc.string({ maxLength: 3 }),
  fc.array(fc.string({ maxLength: 2 }), { maxLength: 3 }),
  fc.record({ fence: fc.constantFrom("f1", "f2"), usage: fc.constantFrom("read", "write") }),
);

/** A state whose rows have every declared field, with values of any kind. */
const arbitraryState: fc.Arbitrary<State> = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.constantFrom(...tables),
        fc.constantFrom("a", "b", "s1.fence1", '"'),
        fc.array(value, { minLength: 25, maxLength: 25 }),
      ),
      {
        maxLength: 8,
      },
    ),
    fc.boolean(),
    fc.nat(9),
  )
  .map(([rows, draining, clock]) => {
    const state = initialState();
    for (const [table, name, values] of rows)
      rowsOf(state, table).set(
        name,
        Object.fromEntries(Object.keys(fieldsOf(table)).map((field, index) => [field, values[index]])),
      );
    state.draining = draining;
    state.clock = clock;
    return state;
  });

/** The same state, with rows and fields put in the other way round. */
function reordered(state: State): State {
  const other = initialState();
  for (const table of tables)
    for (const [name, row] of [...rowsOf(state, table)].toReversed())
      rowsOf(other, table).set(name, Object.fromEntries(Object.entries(structuredClone(row)).toReversed()));
  other.draining = state.draining;
  other.clock = state.clock;
  return other;
}

describe("the codec", () => {
  it("covers the whole state: every part is a declared table or a known scalar", () => {
    expect(Object.keys(initialState()).toSorted()).toEqual(
      [...tables, "added", "clock", "draining", "platform"].toSorted(),
    );
  });

  it("gives equal states equal text, hash and no difference", () => {
    fc.assert(
      fc.property(arbitraryState, fc.boolean(), (state, ghost) => {
        const other = reordered(state);
        expect(encodeState(other, { ghost })).toBe(encodeState(state, { ghost }));
        expect(hashState(other, { ghost })).toBe(hashState(state, { ghost }));
        expect(printState(other, { ghost })).toBe(printState(state, { ghost }));
        expect(diffStates(state, other, { ghost })).toEqual([]);
      }),
    );
  });

  it("shows one changed field, unless it is a ghost and ghosts are left out", () => {
    fc.assert(
      fc.property(arbitraryState, fc.nat(), fc.nat(), value, (state, which, what, to) => {
        const all = tables.flatMap((table) => [...rowsOf(state, table).keys()].map((row) => ({ table, row })));
        fc.pre(all.length > 0);
        const { table, row } = all[which % all.length]!;
        const names = Object.keys(fieldsOf(table));
        const field = names[what % names.length]!;
        const before = structuredClone(state);
        const from = rowsOf(before, table).get(row)![field];
        fc.pre(JSON.stringify(from) !== JSON.stringify(to));
        rowsOf(state, table).get(row)![field] = to;
        for (const ghost of [false, true]) {
          const seen = ghost || fieldsOf(table)[field]!.role !== "ghost";
          expect(encodeState(state, { ghost }) !== encodeState(before, { ghost })).toBe(seen);
          expect(hashState(state, { ghost }) !== hashState(before, { ghost })).toBe(seen);
          expect(diffStates(before, state, { ghost })).toEqual(seen ? [{ table, row, field, from, to }] : []);
        }
      }),
    );
  });

  it("tells any two different states apart by their text", () => {
    fc.assert(
      fc.property(arbitraryState, arbitraryState, (first, second) => {
        const equal = diffStates(first, second, { ghost: true }).length === 0;
        expect(encodeState(first, { ghost: true }) === encodeState(second, { ghost: true })).toBe(equal);
      }),
    );
  });

  it("prints one line a row and one a change", () => {
    fc.assert(
      fc.property(arbitraryState, (state) => {
        const rows = tables.reduce((sum, table) => sum + rowsOf(state, table).size, 0);
        const lines = printState(state)
          .split("\n")
          .filter((line) => line !== "");
        expect(lines.length).toBeGreaterThanOrEqual(rows);
        for (const change of diffStates(initialState(), state))
          expect(printChange(change)).toMatch(/^(?:new |draining: )/);
      }),
    );
    expect(printState(initialState())).toBe("");
  });

  it("reads like notes", () => {
    const before = initialState();
    before.reservations.set("b1.resv", {
      owner: "t1",
      acquire: null,
      slots: 0,
      entries: [{ fence: "f1", usage: "read" }],
      lists: [],
      changes: [],
      hold: 3,
    });
    before.fds.set("fd1", { buffer: "b1", open: true });
    const after = structuredClone(before);
    after.reservations.get("b1.resv")!.owner = null;
    after.fds.get("fd1")!.open = false;
    after.callbacks.set("c1", { fence: "f1", by: "program", state: "pending", poll: null });
    after.draining = true;
    expect(printState(before)).toBe("reservation b1.resv: owner t1, entries (f1 read)\nfd fd1: buffer b1, open");
    expect(printState(before, { ghost: true })).toContain("hold 3");
    expect(diffStates(before, after).map(printChange)).toEqual([
      "draining: false → true",
      "b1.resv: owner t1 → none",
      "new callback c1",
      "fd1: open true → false",
    ]);
    expect(diffStates(after, before).map(printChange)).toContain("no callback c1");
  });
});

describe("hash128", () => {
  it("is 32 hex digits and stays the same", () => {
    expect(hash128("")).toMatchInlineSnapshot(`"027ae52ecfc796215593990d4b41437c"`);
    expect(hash128("buffers b1")).toMatchInlineSnapshot(`"eb95d861da0104583905264c19a4f307"`);
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => /^[0-9a-f]{32}$/.test(hash128(text))));
  });

  it("gives 200 000 similar texts hashes that share no half", () => {
    const high = new Set<string>();
    const low = new Set<string>();
    for (let index = 0; index < 200_000; index += 1) {
      const hash = hash128(`row ${index} of ${index % 7}`);
      high.add(hash.slice(0, 16));
      low.add(hash.slice(16));
    }
    expect([high.size, low.size]).toEqual([200_000, 200_000]);
  });

  it("changes about half of its bits with one bit of the text", () => {
    let flipped = 0;
    for (let index = 0; index < 2000; index += 1) {
      const text = `buffers "b${index}" ["e1","b1.resv",1,false]`;
      const other = text.replace("1,false", "1,falsd");
      const [first, second] = [hash128(text), hash128(other)].map((hash) => BigInt(`0x${hash}`));
      flipped += (first! ^ second!).toString(2).replaceAll("0", "").length;
    }
    expect(flipped / 2000).toBeGreaterThan(60);
    expect(flipped / 2000).toBeLessThan(68);
  });
});
