// exporter-plain.mjs with one line broken: unmap forgets the translation. `npx dmabuf-conformance run` shows what that looks like.
const exporter = (env) => {
  const memory = new Map();
  return {
    map({ buffer, device }, direction) {
      const storage = memory.get(buffer) ?? env.allocateStorage(buffer.size, "system");
      if (typeof storage === "number") return storage;
      memory.set(buffer, storage);
      env.setStorage(buffer, storage);
      const segment = env.dmaMap(device, storage, 0, storage.size, direction);
      return typeof segment === "number" ? segment : { segments: [segment] };
    },
    unmap: () => undefined,
    release: (buffer) => memory.has(buffer) && env.freeStorage(memory.get(buffer)),
  };
};

export default { name: "exporter-broken", exporter };
