/**
 * The functions of WASI preview 1 that a program gets: those of the shim for files, and ours where the shim would ask the machine
 * (clock, randomness, sleep) or believe the program's sizes. Runs inside the sandbox.
 */
import { wasi, type WASI } from '@bjorn3/browser_wasi_shim'

/** 2000-01-01T00:00:00Z, when every unit begins, in nanoseconds. */
const BEGINNING = 946_684_800_000_000_000n
/** Each look at a clock takes this long. Sleep moves the clock and takes no time. */
const TICK = 1_000n
/** As in POSIX: buffers of one read or write. */
const IOV_MAX = 1_024
/** Files open at the same time. */
const OPEN_MAX = 1_024
const CLOCKS = 4
const SUBSCRIPTION = { userdata: 0, tag: 8, clock: 16, timeout: 24, flags: 40 }
const EVENT_BYTES = 32

type Import = (...values: never[]) => unknown

/** `random`: 0 to 1, of the unit's seed. */
export function wasiHost(shim: WASI, random: () => number): Record<string, Import> {
  let elapsed = 0n
  const given = shim.wasiImport as Record<string, Import>
  function view(): DataView {
    return new DataView(shim.inst.exports.memory.buffer)
  }
  function clock(id: number): bigint {
    elapsed += TICK
    return id === wasi.CLOCKID_REALTIME ? BEGINNING + elapsed : elapsed
  }
  function bounded(name: 'fd_read' | 'fd_write' | 'fd_pread' | 'fd_pwrite'): Import {
    const call = given[name] as (fd: number, buffers: number, count: number, ...rest: unknown[]) => unknown
    return (fd: number, buffers: number, count: number, ...rest: unknown[]) =>
      count >>> 0 > IOV_MAX ? wasi.ERRNO_INVAL : call(fd, buffers, count, ...rest)
  }
  function refused(): number {
    return wasi.ERRNO_NOTSUP
  }

  return {
    ...given,
    fd_read: bounded('fd_read'),
    fd_write: bounded('fd_write'),
    fd_pread: bounded('fd_pread'),
    fd_pwrite: bounded('fd_pwrite'),
    path_open: (...values: never[]) => (shim.fds.length > OPEN_MAX ? wasi.ERRNO_MFILE : given['path_open']?.(...values)),
    // The shim gives no number twice.
    fd_close(fd: number) {
      const answer = given['fd_close']?.(fd as never)
      while (shim.fds.length > 0 && shim.fds.at(-1) === undefined) shim.fds.pop()
      return answer
    },
    // The shim counts characters where bytes are wanted.
    args_sizes_get(count: number, size: number) {
      const encoder = new TextEncoder()
      view().setUint32(count, shim.args.length, true)
      view().setUint32(
        size,
        shim.args.reduce((sum, text) => sum + encoder.encode(text).byteLength + 1, 0),
        true
      )
      return wasi.ERRNO_SUCCESS
    },
    clock_res_get(id: number, at: number) {
      if (id >>> 0 >= CLOCKS) return wasi.ERRNO_INVAL
      view().setBigUint64(at, TICK, true)
      return wasi.ERRNO_SUCCESS
    },
    clock_time_get(id: number, _precision: bigint, at: number) {
      if (id >>> 0 >= CLOCKS) return wasi.ERRNO_INVAL
      view().setBigUint64(at, clock(id), true)
      return wasi.ERRNO_SUCCESS
    },
    random_get(at: number, length: number) {
      const bytes = new Uint8Array(shim.inst.exports.memory.buffer, at >>> 0, length >>> 0)
      for (let index = 0; index < bytes.length; index++) bytes[index] = Math.floor(random() * 256)
      return wasi.ERRNO_SUCCESS
    },
    /** Sleep only, as the C library asks for it. */
    poll_oneoff(from: number, to: number, count: number, happened: number) {
      const memory = view()
      if (count !== 1 || memory.getUint8(from + SUBSCRIPTION.tag) !== wasi.EVENTTYPE_CLOCK) return wasi.ERRNO_NOTSUP
      const until = memory.getBigUint64(from + SUBSCRIPTION.timeout, true)
      const absolute = (memory.getUint16(from + SUBSCRIPTION.flags, true) & wasi.SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME) !== 0
      const zero = memory.getUint32(from + SUBSCRIPTION.clock, true) === wasi.CLOCKID_REALTIME ? BEGINNING : 0n
      const then = absolute ? until - zero : elapsed + until
      if (then > elapsed) elapsed = BigInt.asUintN(62, then)
      const userdata = memory.getBigUint64(from + SUBSCRIPTION.userdata, true)
      new Uint8Array(memory.buffer, to, EVENT_BYTES).fill(0)
      memory.setBigUint64(to, userdata, true)
      memory.setUint32(happened, 1, true)
      return wasi.ERRNO_SUCCESS
    },
    sched_yield: () => wasi.ERRNO_SUCCESS,
    proc_raise: refused,
    sock_recv: refused,
    sock_send: refused,
    sock_shutdown: refused,
    sock_accept: refused
  }
}
