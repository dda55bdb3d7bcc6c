/** What readers accept at most. A file beyond it is refused before anything is made of it. */
export const limits = {
  /** Characters of a program file (8 MiB). */
  programText: 8 * 2 ** 20,
  /** Characters of a history file (256 MiB). */
  historyText: 256 * 2 ** 20,
  steps: 20_000,
  /** Each of devices, exporters, importers, buffers and reservations of a set-up. */
  setupEntries: 64,
  /** Each of preemptions and failures. */
  points: 20_000,
  /** Names in one list of a step. */
  listed: 1024,
} as const;

/** Every name of a program: steps, tasks, objects, sites, kinds. */
export const namePattern = /^[a-zA-Z][a-zA-Z0-9.:_-]{0,63}$/;
/** `namePattern` in words. */
export const nameWords = "a name (a letter, then letters, digits and . : _ -, at most 64 characters)";
