# It starts with every sandbox and stays in it: no loading of what it doesn't
# share with anybody.
STATIC_supervisord := libevent_core libseccomp libnftnl libyaml libcrypto
$(eval $(call program,supervisord,supervisord,libevent_core libseccomp libnftnl libmnl openssl))
