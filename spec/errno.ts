/** Linux error numbers, positive as in `include/uapi/asm-generic/errno-base.h`, `errno.h` and `include/linux/errno.h`. */
export const errnoByName = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EMFILE: 24,
  ENOTTY: 25,
  ENOSPC: 28,
  EDEADLK: 35,
  ENOSYS: 38,
  ETIME: 62,
  EOVERFLOW: 75,
  EBADFD: 77,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  EALREADY: 114,
  EREMOTEIO: 121,
  ECANCELED: 125,
  ENODATA: 61,
  ERESTARTSYS: 512,
} as const;

export type ErrnoName = keyof typeof errnoByName;

/** 0 for success, otherwise a positive Linux error number. */
export type Errno = number;

export const {
  EPERM,
  ENOENT,
  EINTR,
  EIO,
  EBADF,
  EAGAIN,
  ENOMEM,
  EACCES,
  EFAULT,
  EBUSY,
  EEXIST,
  ENODEV,
  EINVAL,
  EMFILE,
  ENOTTY,
  ENOSPC,
  EDEADLK,
  ENOSYS,
  ETIME,
  EOVERFLOW,
  EBADFD,
  EOPNOTSUPP,
  EADDRINUSE,
  EALREADY,
  EREMOTEIO,
  ECANCELED,
  ENODATA,
  ERESTARTSYS,
} = errnoByName;

const nameByErrno: ReadonlyMap<number, ErrnoName> = new Map(
  (Object.keys(errnoByName) as ErrnoName[]).map((name) => [errnoByName[name], name]),
);

/** The kernel's name of an error number ("ENODEV"), "ok" for 0, the bare number where Linux has no such code here. */
export function errnoName(errno: Errno): string {
  return errno === 0 ? "ok" : (nameByErrno.get(errno) ?? String(errno));
}
