export function builtProgram(folder: URL, root: URL): string | null
