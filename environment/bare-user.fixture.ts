/**
 * The option for Node with which a program finds what a user id without a name finds, as in a container started with one: no
 * entry in the list of users, and no home folder.
 */
export const asBareUser = `--import=data:text/javascript,${encodeURIComponent(`
import os from 'node:os';
import { syncBuiltinESMExports } from 'node:module';
const missing = (call) => () => {
  throw Object.assign(new Error('A system error occurred: ' + call + ' returned ENOENT'), { code: 'ERR_SYSTEM_ERROR' });
};
os.userInfo = missing('uv_os_get_passwd');
os.homedir = () => process.env.HOME || missing('uv_os_homedir')();
syncBuiltinESMExports();
`)}`;
