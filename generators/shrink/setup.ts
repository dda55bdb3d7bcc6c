import { traitNames, type DeviceTraits } from "../../spec/platform.ts";
import type { Program, Setup } from "../../spec/program.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import { namesMade, namesUsed, renamed } from "./names.ts";
import { each, together } from "./pass.ts";
import { simplerPlatform } from "./platform.ts";
import type { Search, Session } from "./session.ts";

const tables = ["buffers", "importers", "exporters", "devices", "reservations"] as const;
type Table = (typeof tables)[number];

/** An entry of the set-up. */
interface Entry {
  readonly table: Table;
  readonly name: string;
}

/** Entries that neither a step nor an entry that stays refers to. */
function unused({ setup, steps }: Program): readonly Entry[] {
  const used = new Set(steps.flatMap((step) => [...namesUsed(step), ...namesMade(step)]));
  const found: Entry[] = [];
  const drop = (table: Table, name: string): boolean => {
    if (used.has(name) || (table === "buffers" && used.has(`${name}.resv`))) return false;
    found.push({ table, name });
    return true;
  };
  for (const { name, exporter, resv } of setup.buffers)
    if (!drop("buffers", name)) {
      used.add(exporter);
      if (resv !== null) used.add(resv);
    }
  for (const table of ["importers", "exporters"] as const)
    for (const { name, device } of setup[table]) if (!drop(table, name)) used.add(device);
  for (const { name } of setup.devices) drop("devices", name);
  for (const name of setup.reservations) drop("reservations", name);
  return found;
}

function withoutEntries(program: Program, entries: readonly Entry[]): Program {
  // What an entry that stays refers to stays with it.
  const free = new Set(unused(program).map(({ table, name }) => `${table} ${name}`));
  const gone = new Set(entries.map(({ table, name }) => `${table} ${name}`).filter((key) => free.has(key)));
  const kept = <T extends { readonly name: string }>(table: Table, rows: readonly T[]): readonly T[] =>
    rows.filter(({ name }) => !gone.has(`${table} ${name}`));
  const buffers = kept("buffers", program.setup.buffers);
  const importers = kept("importers", program.setup.importers);
  const exporters = kept("exporters", program.setup.exporters).concat(
    program.setup.exporters.filter(
      ({ name }) => gone.has(`exporters ${name}`) && buffers.some(({ exporter }) => exporter === name),
    ),
  );
  const devices = program.setup.devices.filter(
    ({ name }) => !gone.has(`devices ${name}`) || [...importers, ...exporters].some(({ device }) => device === name),
  );
  const reservations = program.setup.reservations.filter(
    (name) => !gone.has(`reservations ${name}`) || buffers.some(({ resv }) => resv === name),
  );
  return { ...program, setup: { ...program.setup, devices, exporters, importers, buffers, reservations } };
}

/** One entry made like the one a hand-written program gets by default. */
type Plain = (setup: Setup) => Setup;

function set<T extends Exclude<Table, "reservations">>(
  table: T,
  name: string,
  fields: Partial<Setup[T][number]>,
): Plain {
  return (setup) => ({
    ...setup,
    [table]: (setup[table] as readonly { readonly name: string }[]).map((row) =>
      row.name === name ? { ...row, ...fields } : row,
    ),
  });
}

/** A device without one of the traits that the set-up gives it. */
function untrait(name: string, trait: keyof DeviceTraits): Plain {
  return (setup) => ({
    ...setup,
    devices: setup.devices.map((row) => {
      if (row.name !== name) return row;
      const { [trait]: _, ...rest } = row;
      return rest;
    }),
  });
}

/** A set-up without its PCI tree. */
function treeless({ platform: _platform, ...setup }: Setup): Setup {
  return { ...setup, devices: setup.devices.map(({ bus: _bus, ...device }) => device) };
}

/** Bridges that nothing hangs from are left out. */
function pruneTree(setup: Setup): Setup {
  const { platform } = setup;
  if (platform === undefined) return setup;
  const used = new Set<string>(setup.devices.flatMap(({ bus }) => bus ?? []));
  const bridges = platform.bridges.toReversed().filter(({ name, parent }) => {
    if (!used.has(name)) return false;
    if (parent !== null) used.add(parent);
    return true;
  });
  return { ...setup, platform: { ...platform, bridges: bridges.toReversed() } };
}

/** A simpler platform: no tree, no switches, no redirection, and traits one by one. */
function plainPlatform(setup: Setup): readonly Plain[] {
  const traits = setup.devices.flatMap((device) =>
    traitNames
      .filter((trait) => trait !== "bus" && device[trait] !== undefined)
      .map((trait) => untrait(device.name, trait)),
  );
  const { platform } = setup;
  if (platform === undefined) return traits;
  const quiet = platform.bridges
    .filter(({ acs }) => acs.length > 0)
    .map(({ name }): Plain => (now) => ({
      ...now,
      platform: {
        ...platform,
        ...now.platform,
        bridges: (now.platform?.bridges ?? []).map((row) => (row.name === name ? { ...row, acs: [] } : row)),
      },
    }));
  return [treeless, pruneTree, ...quiet, ...traits];
}

function plainEntries(setup: Setup): readonly Plain[] {
  const device = setup.devices[0]?.name ?? "";
  return [
    ...setup.buffers.flatMap(({ name }) => [
      set("buffers", name, { size: pageSize }),
      set("buffers", name, { placement: "system" }),
      set("buffers", name, { exporter: setup.exporters[0]?.name ?? "" }),
    ]),
    ...setup.importers.flatMap(({ name }) => [
      set("importers", name, { device }),
      set("importers", name, { ops: "callback" }),
      set("importers", name, { allowPeer2peer: false }),
      set("importers", name, { onInvalidate: "unmap" }),
    ]),
    ...setup.exporters.flatMap(({ name }) => [
      set("exporters", name, { device }),
      set("exporters", name, { kind: "scripted" }),
    ]),
    ...setup.devices.flatMap(({ name }) => [
      set("devices", name, { dmaBits: 52 }),
      set("devices", name, { maxSegment: 2 ** 52 }),
    ]),
    ...plainPlatform(setup),
  ];
}

/** A buffer with a reservation object of its own; steps that named the shared one name that. */
function ownReservation(program: Program, buffer: string): Program {
  const shared = program.setup.buffers.find(({ name }) => name === buffer)?.resv ?? null;
  if (shared === null) return program;
  return {
    ...program,
    setup: set("buffers", buffer, { resv: null })(program.setup),
    steps: program.steps.map((step) => renamed(step, (name) => (name === shared ? `${buffer}.resv` : name))),
  };
}

/** An importer does what a later one did. */
function oneImporter(program: Program, [kept, gone]: readonly [string, string]): Program {
  return { ...program, steps: program.steps.map((step) => renamed(step, (name) => (name === gone ? kept : name))) };
}

/** A smaller set-up: only what is used, and that as plain as a hand-written program has it. */
export function* simplerSetup(session: Session): Search<void> {
  const { importers } = session.program.setup;
  const pairs = importers.flatMap((later, at) =>
    importers.slice(0, at).flatMap((kept) => (kept.kind === later.kind ? [[kept.name, later.name] as const] : [])),
  );
  yield* each(session, pairs, oneImporter);
  yield* together(session, unused(session.program), withoutEntries);
  yield* together(session, plainEntries(session.program.setup), (program, items) => ({
    ...program,
    setup: items.reduce((setup, item) => item(setup), program.setup),
  }));
  yield* simplerPlatform(session);
  const sharing = session.program.setup.buffers.filter(({ resv }) => resv !== null).map(({ name }) => name);
  yield* each(session, sharing, ownReservation);
  yield* together(session, unused(session.program), withoutEntries);
}
