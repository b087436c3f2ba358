/** Loaded before a child's program: asks the process to end when the process that started it is gone, even killed. */
import { Socket } from 'node:net';

// The other end of this pipe is open as long as the parent lives.
const lease = new Socket({ fd: 3 });
lease.once('close', () => process.kill(process.pid, 'SIGTERM'));
lease.on('error', () => {});
lease.resume().unref();
