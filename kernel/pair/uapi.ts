/** One request of user space: the number of the ioctl, and its structure as 32-bit words. A negative word: see `register`. */
export interface Request {
  readonly command: number;
  readonly words: readonly number[];
  /** Words of the structure that the kernel answers in, with the register that keeps each. */
  readonly keeps: readonly (readonly [word: number, register: number])[];
}

/** The path of the device whose requests these are, from the root. */
export const iommuPath = "dev/iommu";

/** `_IO(';', 0x80 + number)`. */
const io = (number: number) => (0x3b << 8) | (0x80 + number);

/** The low and the high half of a number below 2^53. */
const wide = (value: number): readonly [number, number] => [value % 2 ** 32, Math.floor(value / 2 ** 32)];

/** Stands for what a register holds when the request is made. */
export const register = (number: number) => -1 - number;

/** Bytes of `struct iommu_test_cmd`: 16 in front of the union, its 48, the word behind it and what fills that up. */
const testSize = 72;
/** `IOMMU_TEST_OP_*` of `drivers/iommu/iommufd/iommufd_test.h`. */
const testOps = { mockDomain: 2, dmabufGet: 22, dmabufRevoke: 23 } as const;

/** `IOMMU_TEST_CMD`: the union begins at word 4. */
function testCommand(
  op: keyof typeof testOps,
  id: number,
  union: readonly number[],
  keeps: Request["keeps"] = [],
): Request {
  const words = Array.from({ length: testSize / 4 }, () => 0);
  [testSize, testOps[op], id, 0, ...union].forEach((word, index) => {
    words[index] = word;
  });
  return { command: io(32), words, keeps };
}

/** `IOMMU_IOAS_ALLOC`. */
export const allocateSpace = (kept: number): Request => ({ command: io(1), words: [12, 0, 0], keeps: [[2, kept]] });

/** `IOMMU_DESTROY`. */
export const destroy = (id: number): Request => ({ command: io(0), words: [8, id], keeps: [] });

const mapFixed = 1;
const mapWritable = 2;
const mapReadable = 4;

/** `IOMMU_IOAS_MAP_FILE` at a fixed address. Bytes. */
export const mapFile = (space: number, fd: number, start: number, length: number, address: number): Request => ({
  command: io(15),
  words: [40, mapFixed | mapWritable | mapReadable, space, fd, ...wide(start), ...wide(length), ...wide(address)],
  keeps: [],
});

/** `IOMMU_IOAS_UNMAP`. Bytes. */
export const unmapRange = (space: number, address: number, length: number): Request => ({
  command: io(6),
  words: [24, space, ...wide(address), ...wide(length)],
  keeps: [],
});

/** `IOMMU_TEST_OP_MOCK_DOMAIN`: a device of the test driver, attached to the space. Its object is kept, and its number as a device. */
export const mockDevice = (space: number, kept: number, device: number): Request =>
  testCommand(
    "mockDomain",
    space,
    [],
    [
      [4, kept],
      [6, device],
    ],
  );

/** `IOMMU_HWPT_ALLOC`: one more domain of a space, of the kind that a device can have. */
export const allocateDomain = (device: number, space: number, kept: number): Request => ({
  command: io(9),
  words: [48, 0, device, space, 0, 0, 0, 0, 0, 0, 0, 0],
  keeps: [[4, kept]],
});

const openReadWrite = 2;

/** `IOMMU_TEST_OP_DMABUF_GET`. Bytes. */
export const getDmabuf = (length: number): Request => testCommand("dmabufGet", 0, [length, openReadWrite]);

/** `IOMMU_TEST_OP_DMABUF_REVOKE`. */
export const revokeDmabuf = (fd: number, revoked: boolean): Request =>
  testCommand("dmabufRevoke", 0, [fd, revoked ? 1 : 0]);
