/** What a freshly started kernel says of itself. */
export interface Introduction {
  /** Version as the kernel gives it (`6.12.117`). */
  readonly version: string;
  /** Number of each operation on the wire. */
  readonly operations: ReadonlyMap<string, number>;
  /** Hooks by their numbers. */
  readonly hooks: readonly string[];
  readonly lockdep: boolean;
  readonly kasan: boolean;
  readonly moveNotify: "off" | "on" | "always";
}

/** Reads what the module has to say before the first batch. Throws an Error for anything else. */
export function readIntroduction(text: string): Introduction {
  const operations = new Map<string, number>();
  const hooks: string[] = [];
  const facts = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [word, name, value = ""] = line.split(" ");
    if (word === "operation") operations.set(name!, operations.size);
    else if (word === "hook") hooks.push(name!);
    else if (word === "fact") facts.set(name!, value);
    else if (line !== "") throw new Error(`the module says "${line.slice(0, 80)}" where it should introduce itself`);
  }
  const moveNotify = facts.get("moveNotify");
  if (operations.size === 0 || (moveNotify !== "off" && moveNotify !== "on" && moveNotify !== "always"))
    throw new Error("the module does not say which operations it has");
  return {
    version: facts.get("version") ?? "unknown",
    operations,
    hooks,
    lockdep: facts.get("lockdep") === "1",
    kasan: facts.get("kasan") === "1",
    moveNotify,
  };
}
