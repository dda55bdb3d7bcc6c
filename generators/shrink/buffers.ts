import type { Program } from "../../spec/program.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import { freshName, renamed, takenNames } from "./names.ts";

/** The reservation object of a buffer. */
export function reservationOf({ setup }: Program, buffer: string): string {
  return setup.buffers.find(({ name }) => name === buffer)?.resv ?? `${buffer}.resv`;
}

/**
 * The program with a buffer whose reservation object that is, any buffer for null: one that it exports, or a new one of
 * an exporter of this kind. No buffer where nobody can export one.
 */
export function withBuffer(
  program: Program,
  resv: string | null,
  kind: string | undefined,
): { readonly program: Program; readonly buffer: string | null } {
  const { setup, steps } = program;
  const exported = setup.buffers.filter(({ name }) =>
    steps.some((step) => step.op === "export" && step.buffer === name),
  );
  const known = exported.find(({ name }) => resv === null || reservationOf(program, name) === resv);
  if (known !== undefined || kind === undefined) return { program, buffer: known?.name ?? null };
  const taken = takenNames(program);
  const [device, exporter, buffer] = [freshName("d", taken), freshName("e", taken), freshName("b", taken)];
  const id = freshName("s", taken);
  const exporting = { id, task: steps[0]!.task, op: "export", buffer, missing: [], caching: false } as const;
  return {
    buffer,
    program: {
      ...program,
      setup: {
        ...setup,
        devices: [...setup.devices, { name: device, dmaBits: 52, maxSegment: 2 ** 52 }],
        exporters: [...setup.exporters, { name: exporter, kind, device }],
        buffers: [...setup.buffers, { name: buffer, exporter, size: pageSize, placement: "system", resv: null }],
      },
      steps: [exporting, ...steps.map((step) => renamed(step, (name) => (name === resv ? `${buffer}.resv` : name)))],
    },
  };
}
