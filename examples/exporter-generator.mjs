// The same exporter with generator methods: `yield*` in front of every env call that may block.
const exporter = (env) => {
  const memory = new Map();
  return {
    *map({ buffer, device }, direction) {
      yield* env.point("allocate"); // a place where somebody else may run
      const storage = memory.get(buffer) ?? env.allocateStorage(buffer.size, "system");
      if (typeof storage === "number") return storage;
      memory.set(buffer, storage);
      env.setStorage(buffer, storage);
      const segment = env.dmaMap(device, storage, 0, storage.size, direction);
      return typeof segment === "number" ? segment : { segments: [segment] };
    },
    unmap: ({ device }, table) => env.dmaUnmap(device, table.segments[0]),
    release: (buffer) => memory.has(buffer) && env.freeStorage(memory.get(buffer)),
  };
};

export default { name: "exporter-generator", exporter };
