/** Prints the sandbox document as JSON: see `sandboxDocumentApart`. */
import { sandboxDocument } from './page.ts'

process.stdout.write(JSON.stringify(sandboxDocument()))
