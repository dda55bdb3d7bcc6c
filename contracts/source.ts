/** Where a rule comes from. Words such as DOC and CODE are the catalog's authority classes. */
export type Source =
  | { readonly kind: "kernel"; readonly file: string; readonly symbol: string; readonly series: string }
  | { readonly kind: "doc"; readonly file: string; readonly section: string; readonly series: string }
  | { readonly kind: "commit"; readonly what: string; readonly id: string }
  | { readonly kind: "thread"; readonly seed: string; readonly what: string }
  | { readonly kind: "proposal"; readonly what: string }
  | { readonly kind: "derived"; readonly from: string }
  | { readonly kind: "run"; readonly kernels: readonly string[]; readonly what: string };

/** Code of the kernel: `kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export", "6.12, 7.2")`. */
export function kernel(file: string, symbol: string, series: string): Source {
  return { kind: "kernel", file, symbol, series };
}

/** Kernel documentation or kernel-doc text. */
export function doc(file: string, section: string, series = "6.12, 7.2"): Source {
  return { kind: "doc", file, section, series };
}

/** A fix or feature, by what it did and, where known, its commit id or message id. */
export function commit(what: string, id: string): Source {
  return { kind: "commit", what, id };
}

/** A mail: the seed file's leading number ("004") or the name of a thread. */
export function thread(seed: string, what: string): Source {
  return { kind: "thread", seed, what };
}

/** Unmerged proposal text. */
export function proposal(what: string): Source {
  return { kind: "proposal", what };
}

/** A consequence of other rules that no text states in one sentence. */
export function derived(from: string): Source {
  return { kind: "derived", from };
}

/** Observed on a running kernel. */
export function run(kernels: readonly string[], what: string): Source {
  return { kind: "run", kernels, what };
}

/** One line for reports and docs. */
export function printSource(source: Source): string {
  switch (source.kind) {
    case "kernel":
      return `${source.file} ${source.symbol}, ${source.series}`;
    case "doc":
      return `${source.file} (${source.section}), ${source.series}`;
    case "commit":
      return `${source.what} (${source.id})`;
    case "thread":
      return `mail ${source.seed}: ${source.what}`;
    case "proposal":
      return `proposal: ${source.what}`;
    case "derived":
      return `derived from ${source.from}`;
    case "run":
      return `run on ${source.kernels.join(" and ")}: ${source.what}`;
  }
}
