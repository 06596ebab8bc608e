"""One group of tests for each class of weakness that advisories on mail programs are about, named after the class.

These classes are held elsewhere, because more than advisories is said about them there:

- response injection at STARTTLS (GHSA-vxj7-4xrp-5vr4, CVE-2026-41319, CVE-2020-14954, CVE-2021-38371):
  tests/invariants/test_i1_tls_upgrade.py; and test_starttls.py here for what comes later than the reply;
- stripping of STARTTLS (CVE-2016-0772): tests/smtp/test_open_tls.py; passwords in clear (GHSA-3588-2mr7-vrcm,
  GHSA-2x4j-7g3q-wr6f): tests/smtp/defects/test_replies_and_login.py; both at once: test_starttls.py here;
- certificates and names that are not checked (CVE-2026-46428): tests/smtp/test_open_certificates.py;
- CONNECT of a proxy: tests/smtp/test_open_proxy.py;
- memory (endless replies): tests/invariants/test_i5_memory.py, tests/smtp/test_bad_input.py;
- secrets in logs: tests/invariants/test_i6_secrets.py.
"""
