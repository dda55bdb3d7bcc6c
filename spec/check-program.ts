import type { BadInputCode } from "./bad-input.ts";
import { didYouMean } from "./closest.ts";
import { namePattern, nameWords } from "./limits.ts";
import type { FieldShape, ObjectKind } from "./operations/define.ts";
import { operationOf } from "./operations/operations.ts";
import type { Program, Setup, Step } from "./program.ts";

/** What is wrong in a program, and where. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly code: BadInputCode;
  readonly text: string;
}

function problem(path: Problem["path"], text: string): Problem {
  return { path, code: "name", text };
}

function article(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

function notThere(kind: string, name: string, known: Iterable<string>): string {
  const names = [...known];
  const listed =
    names.length === 0 ? "there is none" : `known: ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}`;
  return `no ${kind} "${name}" is there at this point${didYouMean(name, names, listed)}`;
}

/** Which names mean something at a point of a program: what the set-up made and what the steps so far create. */
export class Bindings {
  private readonly known = new Map<ObjectKind, Map<string, string>>();
  private readonly stepIds = new Set<string>();
  /** Buffers that a step exports: they are there from that step on, all others from the start. */
  private readonly toExport: Set<string>;
  private readonly described: ReadonlySet<string>;
  private readonly privateResv: ReadonlySet<string>;

  /** `exported`: the buffers that some step of the program exports, where that is known. */
  constructor(setup: Setup, exported: Iterable<string> = []) {
    this.described = new Set(setup.buffers.map((buffer) => buffer.name));
    this.privateResv = new Set(setup.buffers.filter(({ resv }) => resv === null).map(({ name }) => name));
    this.toExport = new Set(exported);
    for (const { name } of setup.devices) this.of("device").set(name, "the set-up");
    for (const { name } of setup.exporters) this.of("exporter").set(name, "the set-up");
    for (const { name } of setup.importers) this.of("importer").set(name, "the set-up");
    for (const name of setup.reservations) this.of("reservation").set(name, "the set-up");
    for (const { name } of setup.buffers) if (!this.toExport.has(name)) this.bindBuffer(name, "the set-up");
  }

  /** Binds what a step creates. Answers the first problem of its names instead, if there is one. */
  step(step: Step, path: Problem["path"] = []): Problem | null {
    if (!namePattern.test(step.id)) return problem([...path, "id"], `expected ${nameWords}, got "${step.id}"`);
    if (!namePattern.test(step.task)) return problem([...path, "task"], `expected ${nameWords}, got "${step.task}"`);
    if (step.id === "idle" || step.id === "world")
      return problem([...path, "id"], `"${step.id}" has a meaning of its own; give the step another id`);
    if (this.stepIds.has(step.id))
      return problem([...path, "id"], `two steps have the id "${step.id}"; give each step its own`);
    const values = Object.entries(operationOf(step.op).fields).map(
      ([field, { shape }]) => [field, shape, (step as unknown as Readonly<Record<string, unknown>>)[field]] as const,
    );
    for (const [field, shape, value] of values) {
      const found = this.reference(shape, value, [...path, field]);
      if (found !== null) return found;
    }
    for (const [field, shape, value] of values) {
      if (shape.kind !== "create") continue;
      const found = this.create(shape.object, String(value), step, [...path, field]);
      if (found !== null) return found;
    }
    this.stepIds.add(step.id);
    return null;
  }

  private of(kind: ObjectKind): Map<string, string> {
    let names = this.known.get(kind);
    if (names === undefined) this.known.set(kind, (names = new Map()));
    return names;
  }

  private bindBuffer(name: string, by: string): void {
    this.of("buffer").set(name, by);
    if (this.privateResv.has(name)) this.of("reservation").set(`${name}.resv`, by);
  }

  private reference(shape: FieldShape, value: unknown, path: Problem["path"]): Problem | null {
    if (shape.kind === "refer" && typeof value === "string") return this.look(shape.object, value, path);
    if (shape.kind !== "referList" || !Array.isArray(value)) return null;
    for (const [index, name] of (value as readonly string[]).entries()) {
      const found = this.look(shape.object, name, [...path, index]);
      if (found !== null) return found;
    }
    return null;
  }

  private look(kind: ObjectKind, name: string, path: Problem["path"]): Problem | null {
    // Tasks exist by being named; `programProblem` checks them over all steps.
    if (kind === "task" || this.of(kind).has(name) || this.isDerived(kind, name)) return null;
    for (const [other, names] of this.known)
      if (names.has(name))
        return problem(path, `expected the name of ${article(kind)}, but "${name}" is ${article(other)}`);
    return problem(path, notThere(kind, name, this.of(kind).keys()));
  }

  /** Objects that nobody names are called after the step in which a role made them: `s7.fence1`. */
  private isDerived(kind: ObjectKind, name: string): boolean {
    const dot = name.lastIndexOf(".");
    if (dot < 0 || !name.startsWith(kind, dot + 1) || !/^[1-9]\d*$/.test(name.slice(dot + 1 + kind.length)))
      return false;
    const step = name.slice(0, dot);
    return step === "world" || this.stepIds.has(step);
  }

  private create(kind: ObjectKind, name: string, step: Step, path: Problem["path"]): Problem | null {
    if (!namePattern.test(name)) return problem(path, `expected ${nameWords}, got "${name}"`);
    if (kind === "buffer") {
      if (!this.described.has(name)) return problem(path, notThere("buffer of the set-up", name, this.described));
      if (this.of("buffer").get(name) === "the set-up") {
        // Only while a program is being built: its later steps were not known when the set-up was bound.
        this.bindBuffer(name, step.id);
        return null;
      }
    }
    const by = this.of(kind).get(name);
    // An export that was refused may be tried again, and a callback that has run may be registered again.
    if (by !== undefined && (kind === "buffer" || kind === "callback")) return null;
    if (by !== undefined)
      return problem(path, `"${name}" is created already, by ${by}; give ${article(kind)} a name of its own`);
    if (kind === "buffer") this.bindBuffer(name, step.id);
    else this.of(kind).set(name, step.id);
    return null;
  }
}

function unique(names: readonly string[], what: string, path: (index: number) => Problem["path"]): Problem | null {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (!namePattern.test(name)) return problem(path(index), `expected ${nameWords}, got "${name}"`);
    if (seen.has(name)) return problem(path(index), `two ${what} have the name "${name}"; give each its own`);
    seen.add(name);
  }
  return null;
}

/** The first name of a set-up that is given twice or refers to nothing, or null. */
export function setupProblem(setup: Setup): Problem | null {
  const { devices, exporters, importers, buffers, reservations } = setup;
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
  const roles = names([...exporters, ...importers]);
  const found =
    unique(names(devices), "devices", (index) => ["setup", "devices", index, "name"]) ??
    unique(roles, "exporters or importers", (index) =>
      index < exporters.length
        ? ["setup", "exporters", index, "name"]
        : ["setup", "importers", index - exporters.length, "name"],
    ) ??
    unique(names(buffers), "buffers", (index) => ["setup", "buffers", index, "name"]) ??
    unique(reservations, "reservations", (index) => ["setup", "reservations", index]);
  if (found !== null) return found;
  const missing = (kind: string, name: string, known: readonly string[], path: Problem["path"]): Problem | null =>
    known.includes(name) ? null : problem(["setup", ...path], notThere(kind, name, known));
  const bridges = names(setup.platform?.bridges ?? []);
  const twice = unique(bridges, "bridges", (index) => ["setup", "platform", "bridges", index, "name"]);
  if (twice !== null) return twice;
  for (const [index, { parent }] of (setup.platform?.bridges ?? []).entries()) {
    // Only what stands before it: no bridge is above itself.
    const above = bridges.slice(0, index);
    const bad = parent === null ? null : missing("bridge", parent, above, ["platform", "bridges", index, "parent"]);
    if (bad !== null) return bad;
  }
  for (const [index, { bus = null }] of devices.entries()) {
    const bad = bus === null ? null : missing("bridge", bus, bridges, ["devices", index, "bus"]);
    if (bad !== null) return bad;
  }
  for (const [index, { device }] of exporters.entries()) {
    const bad = missing("device", device, names(devices), ["exporters", index, "device"]);
    if (bad !== null) return bad;
  }
  for (const [index, { device }] of importers.entries()) {
    const bad = missing("device", device, names(devices), ["importers", index, "device"]);
    if (bad !== null) return bad;
  }
  for (const [index, { name, exporter, resv }] of buffers.entries()) {
    const bad =
      missing("exporter", exporter, names(exporters), ["buffers", index, "exporter"]) ??
      (resv === null ? null : missing("reservation", resv, reservations, ["buffers", index, "resv"]));
    if (bad !== null) return bad;
    if (resv === null && reservations.includes(`${name}.resv`))
      return problem(
        ["setup", "buffers", index, "resv"],
        `"${name}.resv" is also a reservation of the set-up; rename that one or share it`,
      );
  }
  return null;
}

/**
 * The first thing a program says that its types allow and its meaning does not: a name given twice, or one that no
 * earlier step and no set-up entry creates. Null if there is none.
 */
export function programProblem(program: Program): Problem | null {
  const inSetup = setupProblem(program.setup);
  if (inSetup !== null) return inSetup;
  const exported = program.steps.flatMap((step) =>
    step.op === "export" || step.op === "exportRegion" ? [step.buffer] : [],
  );
  const bindings = new Bindings(program.setup, exported);
  const tasks = new Set(program.steps.map((step) => step.task));
  for (const [index, step] of program.steps.entries()) {
    const found = bindings.step(step, ["steps", index]);
    if (found !== null) return found;
    if (step.op === "interrupt" && !tasks.has(step.target))
      return problem(["steps", index, "target"], notThere("task", step.target, tasks));
  }
  const ids = new Set(program.steps.map((step) => step.id));
  for (const [index, point] of program.schedule.entries()) {
    if (!ids.has(point.step)) return problem(["schedule", index, "step"], notThere("step", point.step, ids));
    if (point.until !== "idle" && !ids.has(point.until))
      return problem(["schedule", index, "until"], notThere("step", point.until, ids));
    if (point.until === point.step)
      return problem(
        ["schedule", index, "until"],
        `step "${point.step}" cannot wait for itself; name another step, or "idle"`,
      );
  }
  for (const [index, { step }] of program.failures.entries())
    if (!ids.has(step)) return problem(["failures", index, "step"], notThere("step", step, ids));
  return null;
}
