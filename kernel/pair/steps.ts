/** What a program of the pair does: `t1` asks, `t2` only holds locks. Names: buffers `b1`, importers `i1`, imports `m1`, recorders `a1`. */
export type PairStep = { readonly id: string } & (
  | { readonly op: "export"; readonly buffer: string; readonly pages: number }
  /** A user closes the buffer's descriptor: from then on nobody can revoke it or map it anew. */
  | { readonly op: "close"; readonly buffer: string }
  | { readonly op: "put"; readonly buffer: string }
  /** The module's importer: it records what it is told. */
  | { readonly op: "attach"; readonly attachment: string; readonly buffer: string; readonly ops: RecorderOps }
  | { readonly op: "detach"; readonly attachment: string }
  | { readonly op: "map"; readonly attachment: string }
  /** iommufd puts part of the buffer into an address space: bytes, and one of the places of the space. */
  | {
      readonly op: "import";
      readonly import: string;
      readonly importer: string;
      readonly buffer: string;
      readonly start: number;
      readonly length: number;
      readonly place: number;
      /** A descriptor that is none. */
      readonly closed: boolean;
    }
  | { readonly op: "release"; readonly import: string }
  /** A device appears in the address space of the importer, and goes. */
  | { readonly op: "plug"; readonly device: string; readonly importer: string }
  | { readonly op: "unplug"; readonly device: string }
  /** The address space of a device gets a domain more, with nobody in it, and loses it. */
  | { readonly op: "domain"; readonly domain: string; readonly device: string }
  | { readonly op: "undomain"; readonly domain: string }
  /** The importer's file is closed with everything that is in it. */
  | { readonly op: "quit"; readonly importer: string }
  | { readonly op: "revoke"; readonly buffer: string }
  | { readonly op: "unrevoke"; readonly buffer: string }
  /** By t2: work on the buffer that a fence stands for, and its end. */
  | { readonly op: "work"; readonly fence: string; readonly buffer: string }
  | { readonly op: "finish"; readonly fence: string }
  /** By t2. */
  | { readonly op: "lock"; readonly buffer: string }
  | { readonly op: "unlock"; readonly buffer: string }
);

export type PairOperation = PairStep["op"];

/** As the importers of the suite's programs. */
export const recorderOps = ["static", "noCallback", "callback"] as const;
export type RecorderOps = (typeof recorderOps)[number];

export type StepOf<K extends PairOperation> = Extract<PairStep, { readonly op: K }>;

/** What the pair is in a program: so many importers, each a file and an address space of its own. */
export const importers = ["i1", "i2"] as const;
/** Devices that the test driver can be asked for at a time. */
export const devices = ["d1", "d2", "d3", "d4"] as const;
/** Places of an address space that a program uses. */
export const places = 4;
export const pageSize = 4096;

/** Where a place begins in an address space: inside the aperture of the test driver's devices. */
export function addressOf(place: number): number {
  return (16 + 4 * place) * 2 ** 20;
}

/** Who carries a step out. */
export function taskOf({ op }: PairStep): "t1" | "t2" {
  return op === "lock" || op === "unlock" || op === "work" || op === "finish" ? "t2" : "t1";
}

/** The importer whose address space a step is about; undefined for what is about a buffer. */
export function importerOf(steps: readonly PairStep[], step: PairStep): string | undefined {
  const before = steps.slice(0, steps.indexOf(step));
  switch (step.op) {
    case "import":
    case "plug":
    case "quit":
      return step.importer;
    case "release":
      return before.findLast((made): made is StepOf<"import"> => made.op === "import" && made.import === step.import)
        ?.importer;
    case "unplug":
    case "domain":
      return before.findLast((made): made is StepOf<"plug"> => made.op === "plug" && made.device === step.device)
        ?.importer;
    case "undomain": {
      const made = before.findLast((entry) => entry.op === "domain" && entry.domain === step.domain);
      return made === undefined ? undefined : importerOf(steps, made);
    }
    default:
      return undefined;
  }
}

/** The step in words, for people. */
export function wordsOf(step: PairStep): string {
  const { id, op, ...rest } = step;
  const words = Object.entries(rest).map(([key, value]) => `${key} ${String(value)}`);
  return `${id} ${taskOf(step)} ${op} ${words.join(", ")}`;
}
