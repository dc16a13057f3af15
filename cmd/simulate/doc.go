// Simulate is the command line of neuromanifold: it fits singular statistical
// models, looks at where they degenerate, and runs Monte Carlo experiments about
// what follows.
//
// # Models and data
//
// A model is written family[:key=value[,key=value…]]; data are a CSV file, - for
// stdin, or one of the bundled sets. The catalogue names them all:
//
//	$ simulate list
//	$ simulate describe mixture:k=2,sd=1
//	$ simulate describe galaxies
//
// A parameter vector θ is a comma-separated list in the order that describe
// prints. Log-likelihoods are in nats.
//
//	$ simulate loglik mixture:k=2,sd=tied --data faithful --column waiting --at 0.36,54.6,80.1,34.4
//
// # Fits
//
// A fit starts from many points and reports every maximum that it found, with
// standard errors only where they exist:
//
//	$ simulate fit mixture:k=2,sd=tied --data faithful --column waiting
//	$ simulate fit arma:p=3,q=0,mean=true --data lh --json
//
// A likelihood-ratio test that knows when its null hypothesis is singular shows
// the naive χ² beside the limit law, the parametric bootstrap and the EM-test:
//
//	$ simulate test --h0 mixture:k=1,sd=tied --h1 mixture:k=2,sd=tied --data faithful --column waiting --bound 3 --bootstrap 19
//
// Which order a family needs: criteria on one scale, the probability of every
// order, how near each fit is to the singular set, and one line that says what to
// believe:
//
//	$ simulate select mixture:sd=tied --data faithful --column waiting --orders 1..3 --criteria bic,sbic,icl
//
// # Geometry
//
// What is singular at a parameter, the learning coefficient with it as the truth,
// and the law of a likelihood ratio there:
//
//	$ simulate fisher mlp:hidden=2,act=erf --at=0.5,0.5,1,1
//	$ simulate rlct mixture:k=2,sd=1 --at 1,0,0
//	$ simulate limit homogeneity --bound 3 --draws 2000
//
// The spectrum of the Fisher information of wide random networks, beside its
// theory:
//
//	$ simulate spectrum --activation relu --sw2 2 --sb2 0.1 --width 100 --samples 50 --nets 5
//
// # Designs
//
// Which sampling times of a PK/PD study tell most, with the certificate of the
// equivalence theorem, and what a design cannot tell at all. A spec is a TOML file
// or one of the built-in examples, which --show prints:
//
//	$ simulate design warfarin2
//	$ simulate design one-sample --evaluate --json
//
// # Experiments
//
// An experiment turns a spec and a seed into rows, the same bytes whatever the
// number of workers or shards and however often it was interrupted. A spec is a
// TOML file with the keys experiment, seed, replicates and the table [spec], or
// the name of an experiment for its defaults.
//
//	$ simulate plan normal-mean --mcse 0.05 --column t
//	$ simulate run normal-mean --set n=5,50 --replicates 200 --out runs/small
//	$ simulate status runs/small
//	$ simulate verify runs/small
//	$ simulate replay runs/small --cell n=5 --replicate 7
//	$ simulate report runs/small
//	$ simulate export runs/small
//	$ simulate cite runs/small
//
// Ctrl-C stops a run within a second; the same command resumes it. --shard i/n
// does part i of n, for machines that share a directory or are merged later by
// copying chunks together.
//
// # Output
//
// Results go to stdout, progress and errors to stderr as "simulate: …". --json
// prints one JSON object, in which a number that does not exist is null and a
// neighbouring field says why. --seed makes every output reproducible byte for
// byte on one architecture. NO_COLOR is respected.
//
// Exit status: 0 done, 1 failed, 2 the request was wrong (usage, spec, data), 3
// interrupted or incomplete.
package main
