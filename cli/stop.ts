/**
 * Waits for Ctrl-C, or for the end that a machine room announces (SIGTERM). A second one ends the process at once, as
 * `release` lets go of both.
 */
export function onStop(): { readonly stopped: Promise<void>; readonly release: () => void } {
  const signals = ["SIGINT", "SIGTERM"] as const;
  let stop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const release = (): void => {
    for (const signal of signals) process.removeListener(signal, heard);
  };
  const heard = (): void => {
    release();
    stop();
  };
  for (const signal of signals) process.on(signal, heard);
  return { stopped, release };
}
