$(eval $(call program,supervisord,supervisord,libevent_core libseccomp libnftnl libmnl openssl))
