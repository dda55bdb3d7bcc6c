/** Milliseconds until the start of a kernel, and a batch of programs, counts as hung. A busy machine is slow. */
export const deadlines = { startDeadline: 60_000, batchDeadline: 20_000 } as const;

/** Where most of what is tried may hang it costs less to wait less. */
export const impatient = { ...deadlines, batchDeadline: 5000 } as const;
