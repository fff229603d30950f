/** The CycloneDX document of a program, as text. */
export function sbomOf(program: 'cloud' | 'edge-controller' | 'simulators'): string
