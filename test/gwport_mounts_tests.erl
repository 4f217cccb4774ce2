%% Whatever is mounted, and whatever a path is made of, Cowboy's router has said it.
-module(gwport_mounts_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [binary/0, integer/2, list/1, non_empty/1, oneof/1, frequency/1, vector/2]).

what_matches_is_what_the_router_says_test_() ->
    gwport_gen:check(?FORALL({Routes, Host, Path}, {routes(), oneof([binary() | hosts()]), path()},
        agree(Routes, Host, Path))).

%% Mounts as most have them, and paths that are near their prefixes.
prefixes_match_as_the_router_says_test_() ->
    gwport_gen:check(?FORALL({Paths, Path}, {non_empty(list(plain_route())), path()},
        agree([{'_', mounts(Paths)}], <<"localhost">>, Path))).

every_byte_of_a_path_is_matched_as_the_router_says_test_() ->
    {timeout, 60, fun() ->
        [?assertEqual({Path, routed(Routes, <<"h">>, Path)}, {Path, matched(Routes, <<"h">>, Path)})
            || Routes <- [[{'_', mounts(["/a/[...]", "/[...]"])}], [{'_', mounts(["/a", "/a/b"])}]],
                Byte <- lists:seq(0, 255), Before <- [<<>>, <<"/">>, <<"/a">>, <<"/a/">>, <<"/a/b">>, <<"//">>],
                After <- [<<>>, <<"a">>, <<"/">>, <<"/b">>], Path <- [<<Before/binary, Byte, After/binary>>]]
    end}.

a_plain_path_under_a_prefix_is_matched_without_the_router_test_() ->
    %% Which has a dispatch list that would crash it.
    [?_assertMatch({Path, {#{app := <<"1">>}, Behind}},
            {Path, gwport_mounts:match(req(<<"localhost">>, Path), without_router(Routes))})
        || Routes <- [[{'_', mounts(["/a/[...]", "/b/:id", '_'])}], [{'_', mounts(["/a/[...]"])}, {"two", mounts(["/"])}]],
            {Path, Behind} <- [{<<"/a">>, 0}, {<<"/a/">>, 0}, {<<"/a/b">>, 1}, {<<"/a/b.c/~d/">>, 2}]].

without_router(Routes) ->
    Mounts = gwport_mounts:compile(Routes),
    setelement(tuple_size(Mounts), Mounts, crash).

agree(Routes, Host, Path) ->
    {Here, There} = {matched(Routes, Host, Path), routed(Routes, Host, Path)},
    ?WHENFAIL(io:format(user, "here ~p, the router ~p~n", [Here, There]), Here =:= There).

%% What gwport_mounts says, and what it has said to Cowboy.
matched(Routes, Host, Path) ->
    Match = gwport_mounts:match(req(Host, Path), gwport_mounts:compile(Routes)),
    {Match, said()}.

%% The same by the router alone: behind the mounts of a host, and behind all hosts, nothing is mounted.
routed(Routes, Host, Path) ->
    Rules = [{H, Fields, [{P, F, ?MODULE, mount(Options)} || {P, F, Options} <- Paths] ++ [{'_', ?MODULE, pass}]}
        || Route <- Routes, {H, Fields, Paths} <- [route(Route)]] ++ [{'_', [{'_', ?MODULE, pass}]}],
    Match = try cowboy_router:execute(req(Host, Path), #{dispatch => cowboy_router:compile(Rules)}) of
        {ok, _, #{handler_opts := pass}} -> pass;
        {ok, #{path_info := undefined}, #{handler_opts := Mount}} -> {Mount, 0};
        {ok, #{path_info := Below}, #{handler_opts := Mount}} -> {Mount, length(Below)};
        {stop, _} -> refused
    catch
        %% A host with nothing between two dots.
        error:{badmatch, true} -> pass
    end,
    {Match, said()}.

route({Host, Paths}) -> route({Host, [], Paths});
route({Host, Fields, Paths}) ->
    {Host, Fields, [case Path of {P, Options} -> {P, [], Options}; _ -> Path end || Path <- Paths]}.

mount(Options) ->
    {ok, Mount} = gwport_mount_options:mount(Options),
    Mount.

said() ->
    receive {{Pid, 1}, {response, Status, _, _}} when Pid =:= self() -> [Status | said()]
    after 0 -> []
    end.

req(Host, Path) ->
    #{ref => ?MODULE, pid => self(), streamid => 1, method => <<"GET">>, scheme => <<"http">>, host => Host, port => 80,
        path => Path, qs => <<>>, version => 'HTTP/1.1', headers => #{}, peer => {{127, 0, 0, 1}, 1},
        sock => {{127, 0, 0, 1}, 2}, cert => undefined, has_body => false, body_length => 0}.

%% Each mount has a name of its own.
mounts(Paths) ->
    [case Path of
        {P, Fields} -> {P, Fields, options(N)};
        _ -> {Path, options(N)}
    end || {N, Path} <- lists:zip(lists:seq(1, length(Paths)), Paths)].

options(N) ->
    #{pool => a, app => integer_to_binary(N)}.

routes() ->
    ?LET(Hosts, frequency([{3, [{'_', paths()}]}, {1, list({oneof(['_' | route_hosts()]), paths()})}]),
        [fielded(Host, mounts(Paths)) || {Host, Paths} <- Hosts]).

paths() ->
    list(oneof([plain_route(), odd_route()])).

fielded({Host, Fields}, Paths) -> {Host, Fields, Paths};
fielded(Host, Paths) -> {Host, Paths}.

route_hosts() ->
    ["one.example", "[...].example", ":sub.example", {":sub.example", [{sub, int}]}, "[www.]two.example", {'_', [sub]}].

plain_route() ->
    ?LET({Segments, End}, {short_list(oneof(["a", "b", "ab", "a.b", "A", "~", "b;c=1"])), oneof(["", "/", "/[...]"])},
        case lists:append(["/" ++ Segment || Segment <- Segments]) ++ End of
            "" -> "/";
            Path -> Path
        end).

%% Those that match many a path are drawn more often.
odd_route() ->
    frequency([{2, oneof(["/:id", "/:id/[...]", "/a/:id", "/[a/[:id]]", '_'])},
        {1, oneof(["*", "/a/:id/b", "/a/[b]", "/a/[b/[...]]", "/a[...]", "//a", "/a//b", "/a:b", "/..", "/.", "/.a",
            "/a/../b", "/%61", "/a%2Fb", <<"/a/[...]">>, ["/", <<"a">>, $/, "b"], {"/a/:id", [{id, int}]}, {"/a", [id]},
            {"/a/[...]", [{id, int}]}, {"/:id/[...]", [{id, nonempty}]}, {'_', [id]}, "/" ++ [229] ++ "/[...]"])}]).

short_list(Of) ->
    ?LET(Length, integer(0, 3), vector(Length, Of)).

hosts() ->
    [<<"one.example">>, <<"1.example">>, <<"a.b.example">>, <<"two.example">>, <<"www.two.example">>, <<>>, <<"..">>].

path() ->
    frequency([{8, ?LET(Pieces, short_list(piece()), iolist_to_binary([["/", Piece] || Piece <- Pieces]))},
        {1, ?LET(Pieces, list(piece()), iolist_to_binary(Pieces))}, {1, binary()}, {1, <<"*">>}]).

piece() ->
    frequency([{12, oneof(["a", "b", "ab", "a.b", "A", "~", "b;c=1", "1"])},
        {6, oneof(["", ".", "..", ".a", "..a", "a.", "%61", "%2F", "%2f", "%2e%2E", "%", "%6", "%zz", "a%", "a:b", "*", "a/b",
            "a/", "/", [229], "%E5", "a b", "[", "{", "\"", [0], "a" ++ [127]])},
        {1, ?LET(Byte, integer(0, 255), [Byte])}]).
