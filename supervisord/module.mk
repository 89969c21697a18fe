$(eval $(call program,supervisord,supervisord,libevent_core libseccomp libnl-3.0 libnl-route-3.0 libnftnl libmnl openssl))
