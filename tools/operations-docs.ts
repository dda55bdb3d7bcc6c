// node dist/tools/operations-docs.js: writes docs/operations.md from the table of operations.
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { FieldShape, LockNeed, Operation, OperationSide } from "../spec/operations/define.ts";
import { operationNames, operationOf } from "../spec/operations/operations.ts";

export const operationsDocsPath = "docs/operations.md";

const sides: readonly (readonly [OperationSide, string, string])[] = [
  ["importer", "Importer side", "What importers call, and what an importer's user asks for (level driver)."],
  ["exporter", "Exporter side", "What exporters call, and what an exporting device goes through (level driver)."],
  ["reservation", "Reservation objects", "Locks, acquire contexts and the fences in them."],
  ["fence", "Fences", "Fences, callbacks, waits and containers."],
  ["platform", "Platform", "Peer-to-peer memory of PCI devices and the DMA API, asked directly."],
  ["cpu", "CPU and user space", "CPU access, kernel addresses, user mappings, and requests on descriptors."],
  [
    "space",
    "Address spaces",
    "What happens to a process's memory, and what the users of devices that mirror it ask for (level driver).",
  ],
  ["sync", "Sync files and poll", "Fences behind descriptors, the bridge to reservation objects, and poll."],
  ["harness", "Harness", "What the harness does to the world around the two sides (level control)."],
];

const lockWords: Readonly<Record<LockNeed, string>> = { held: "held", notHeld: "not held", any: "any" };

function fieldText(shape: FieldShape): string {
  switch (shape.kind) {
    case "refer":
      return shape.nullable ? `${shape.object} or null` : shape.object;
    case "referList":
      return `list of ${shape.object}`;
    case "create":
      return `new ${shape.object}`;
    case "oneOf":
      return shape.values.join(", ");
    case "subset":
      return `any of ${shape.values.join(", ")}`;
    case "integer":
      return `${shape.minimum} to ${shape.maximum}`;
    case "flag":
      return "flag";
    case "text":
      return `text of at most ${shape.maximum} characters${shape.nullable ? " or null" : ""}`;
  }
}

function row(name: string, operation: Operation): string {
  const fields = Object.entries(operation.fields).map(([field, { shape }]) => `\`${field}\`: ${fieldText(shape)}`);
  const kernel = operation.kernel.replaceAll(/\w+_\w+/g, "`$&`");
  const cells = [
    `\`${name}\``,
    operation.level,
    fields.join("<br>"),
    lockWords[operation.lock],
    kernel,
    operation.summary,
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The whole document. */
export function operationsDocs(): string {
  const parts = [
    "# Operations",
    "Made by `tools/operations-docs.ts` from `spec/operations`. Every step also has `id`, `task` and `op`, and may have " +
      "`interrupted: true` (a signal is pending when it begins) and `misuse: true` (the kernel only warns and goes on).",
    "Lock: what the caller of a contract operation does with the buffer's reservation lock. Level: `contract` is a call of the " +
      "kernel's interface, `driver` is what a device's user or firmware asks for, `control` is the harness.",
  ];
  for (const [side, title, text] of sides) {
    const names = operationNames.filter((name) => operationOf(name).side === side);
    const rows = names.map((name) => row(name, operationOf(name)));
    parts.push(
      `## ${title}`,
      text,
      ["| operation | level | fields | lock | kernel | |", "| --- | --- | --- | --- | --- | --- |", ...rows].join("\n"),
    );
  }
  return `${parts.join("\n\n")}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const text = operationsDocs();
  writeFileSync(operationsDocsPath, text);
  console.log(`${operationsDocsPath}: ${operationNames.length} operations`);
}
