/** How a job file names the files beside it. */
import { z } from 'zod'

/** A path below the folder of the job file, with `/` between its parts. */
export const jobFilePathSchema = z
  .string()
  .regex(/^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\0\\:]{1,200}$/, 'must be a relative path inside the folder of the job file')
