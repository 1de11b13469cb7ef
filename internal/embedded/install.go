package embedded

// installer is the commands that install a server.
type installer struct{ postgres, redis string }

var installers = []struct {
	program string
	installer
}{
	{"apt-get", installer{"sudo apt-get install -y postgresql", "sudo apt-get install -y redis-server"}},
	{"brew", installer{"brew install postgresql@17", "brew install redis"}},
	{"docker", installer{
		"docker run -d -p 127.0.0.1:5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust postgres:17 && export DATABASE_URL=postgres://postgres@127.0.0.1/postgres",
		"docker run -d -p 127.0.0.1:6379:6379 redis:7 redis-server --maxmemory-policy noeviction && export REDIS_URL=redis://127.0.0.1:6379",
	}},
}

// findInstaller picks the commands for this machine, or those for Docker.
func findInstaller(path string) installer {
	for _, i := range installers {
		if _, err := onPath(path, i.program); err == nil {
			return i.installer
		}
	}
	return installers[len(installers)-1].installer
}
