/** Kinds of named objects a program can refer to. */
export type ObjectKind =
  | "buffer"
  | "attachment"
  | "mapping"
  | "reservation"
  | "acquire"
  | "fence"
  | "callback"
  | "fd"
  | "import"
  | "job"
  | "importer"
  | "exporter"
  | "task"
  | "signalling"
  | "device"
  | "dmaEntry"
  /** What the CPU sees of a buffer: a kernel address or a user mapping. */
  | "view"
  | "space"
  | "vma"
  | "mirror"
  | "syncFile"
  | "slot"
  /** A row of a table that a contract beside the core adds. */
  | "object";

/** One argument of a step. `T` is its type in TypeScript. */
export interface StepField<T> {
  readonly type?: T;
  readonly shape: FieldShape;
}

export type FieldShape =
  /** `table`: of an added object, the table that its row is in. */
  | { readonly kind: "refer"; readonly object: ObjectKind; readonly nullable: boolean; readonly table?: string }
  | { readonly kind: "referList"; readonly object: ObjectKind; readonly table?: string }
  /** The step creates the object under this name. */
  | { readonly kind: "create"; readonly object: ObjectKind; readonly table?: string }
  | { readonly kind: "oneOf"; readonly values: readonly string[] }
  | { readonly kind: "subset"; readonly values: readonly string[] }
  | { readonly kind: "integer"; readonly minimum: number; readonly maximum: number }
  | { readonly kind: "flag" }
  | { readonly kind: "text"; readonly maximum: number; readonly nullable: boolean };

/** Refers to an object that an earlier step or the set-up made. */
export function refer(object: ObjectKind): StepField<string> {
  return { shape: { kind: "refer", object, nullable: false } };
}

/** As `refer`, or null to hand the operation nothing on purpose. */
export function referOrNull(object: ObjectKind): StepField<string | null> {
  return { shape: { kind: "refer", object, nullable: true } };
}

/** Refers to a row of a table that the contract adds. */
export function referOwn(table: string): StepField<string> {
  return { shape: { kind: "refer", object: "object", nullable: false, table } };
}

/** Names the row that the step makes in a table that the contract adds. */
export function createOwn(table: string): StepField<string> {
  return { shape: { kind: "create", object: "object", table } };
}

/** Refers to several objects, in order. */
export function referList(object: ObjectKind): StepField<readonly string[]> {
  return { shape: { kind: "referList", object } };
}

/** Creates an object under this name, if the step succeeds. */
export function create(object: ObjectKind): StepField<string> {
  return { shape: { kind: "create", object } };
}

/** One of a few words. */
export function oneOf<const T extends readonly string[]>(values: T): StepField<T[number]> {
  return { shape: { kind: "oneOf", values } };
}

/** Any of a few words, each at most once. */
export function subset<const T extends readonly string[]>(values: T): StepField<readonly T[number][]> {
  return { shape: { kind: "subset", values } };
}

/** An integer in a closed range. */
export function integer(minimum: number, maximum: number): StepField<number> {
  return { shape: { kind: "integer", minimum, maximum } };
}

export const flag: StepField<boolean> = { shape: { kind: "flag" } };

/** Text of at most `maximum` characters; null stands for a pointer that faults. */
export function textOrNull(maximum: number): StepField<string | null> {
  return { shape: { kind: "text", maximum, nullable: true } };
}

/** What a device's user asks for (`driver`), a call of the contract (`contract`), or the harness (`control`). */
export type OperationLevel = "driver" | "contract" | "control";

/** Which side makes the call. */
export type OperationSide =
  "importer" | "exporter" | "reservation" | "fence" | "platform" | "cpu" | "sync" | "space" | "harness";

/** The reservation lock at the call, Part III of the catalog: held by the caller, not held by the caller, irrelevant. */
export type LockNeed = "held" | "notHeld" | "any";

/** Everything the language knows about one operation. */
export interface Operation {
  readonly level: OperationLevel;
  readonly side: OperationSide;
  readonly lock: LockNeed;
  /** What it does, for docs. */
  readonly summary: string;
  /** The kernel's function; a list where it was renamed. Empty for harness and driver operations. */
  readonly kernel: string;
  readonly fields: Readonly<Record<string, StepField<unknown>>>;
}

/** Declares an operation; the identity function with a type. */
export function operation<const O extends Operation>(definition: O): O {
  return definition;
}

/** The arguments of an operation as a step carries them. */
export type FieldsOf<O extends Operation> = {
  readonly [K in keyof O["fields"]]: O["fields"][K] extends StepField<infer T> ? T : never;
};
