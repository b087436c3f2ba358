/** The oldest Node that is supported, and the last release of each later line that npm has. */
export const nodeVersions = ['20.19.0', '22.23.3', '24.21.0', '26.12.1'];
