/** `data` of `/api/v1/features`: what this program can do, with SRS's names. There is nothing to configure at its build. */
export const FEATURES = {
  options: '',
  options2: '',
  build: '',
  build2: '',
  features: {
    ssl: true,
    hls: true,
    hds: true,
    callback: true,
    api: true,
    httpd: true,
    dvr: true,
    transcode: false,
    ingest: true,
    stat: true,
    caster: false,
    complex_send: true,
    tcp_nodelay: true,
    so_sendbuf: false,
    mr: true,
  },
} as const;
