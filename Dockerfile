FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/ ./cmd/dialer ./cmd/enqueue

# busybox goes by the name of the one thing it is here for: health checks.
FROM busybox:1.37.0-musl AS busybox

# Nothing but the two programs: the zones of time/tzdata are compiled in.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=busybox /bin/busybox /usr/bin/wget
COPY --from=build /out/dialer /out/enqueue /usr/local/bin/
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/dialer"]
CMD ["run"]
