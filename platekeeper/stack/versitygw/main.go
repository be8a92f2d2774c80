// An S3 server for one machine: the Versity S3 Gateway over a folder, built without its clouds, admin pages and command
// line, of which we use nothing and which double the time of the build.
//
// versitygw ADDRESS FOLDER, with ROOT_ACCESS_KEY_ID and ROOT_SECRET_ACCESS_KEY in the environment; a folder in
// FOLDER/buckets is a bucket. SIGTERM lets requests finish.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
)

const region = "us-east-1"

func main() {
	address, folder := os.Args[1], os.Args[2]
	root := auth.Account{
		Access: os.Getenv("ROOT_ACCESS_KEY_ID"),
		Secret: os.Getenv("ROOT_SECRET_ACCESS_KEY"),
		Role:   auth.RoleAdmin,
	}
	if root.Access == "" || root.Secret == "" {
		log.Fatal("ROOT_ACCESS_KEY_ID and ROOT_SECRET_ACCESS_KEY must be set")
	}
	options := posix.PosixOpts{Concurrency: 5000}
	storer := must(attributes(folder, &options))
	served := must(posix.New(filepath.Join(folder, "buckets"), storer, options))
	server := must(s3api.New(
		served,
		middlewares.RootUserConfig{Access: root.Access, Secret: root.Secret},
		region,
		auth.NewIAMServiceSingle(root),
		nil, nil, nil, nil,
		s3api.WithQuiet(),
		s3api.WithKeepAlive(),
		s3api.WithHealth("/health"),
		s3api.WithConcurrencyLimiter(4096, 4096),
		s3api.WithMpMaxParts(10000),
	))
	running, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		<-running.Done()
		if err := server.ShutDown(); err != nil {
			log.Print(err)
		}
	}()
	if err := server.ServeMultiPort([]string{address}); err != nil && running.Err() == nil {
		log.Fatal(err)
	}
	served.Shutdown()
}

// attributes says where headers and checksums of objects lie: beside them where the file system has no attributes.
func attributes(folder string, options *posix.PosixOpts) (meta.MetadataStorer, error) {
	if (meta.XattrMeta{}).Test(filepath.Join(folder, "buckets")) == nil {
		return meta.XattrMeta{}, nil
	}
	options.SideCarDir = filepath.Join(folder, "attributes")
	if err := os.MkdirAll(options.SideCarDir, 0o700); err != nil {
		return nil, err
	}
	return meta.NewSideCar(options.SideCarDir)
}

func must[T any](made T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return made
}
