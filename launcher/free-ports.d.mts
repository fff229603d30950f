/** So many different free ports on 127.0.0.1, below those that the kernel gives to outgoing connections. */
export function freePorts(count: number): Promise<number[]>
